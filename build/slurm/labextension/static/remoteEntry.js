// What JupyterLab loads of a prebuilt extension: the container of webpack's module federation, written by hand, so that
// there is nothing to build. https://jupyterlab.readthedocs.io/en/stable/extension/extension_dev.html#prebuilt-extensions
//
// JupyterLab loads this file as a classic script, gives init() the modules that extensions share, and asks get() for the
// module that package.json names.
{
  const plugin = new URL('plugin.js', document.currentScript.src);
  let shared;

  // JupyterLab's own module of this name, whose only version is its own.
  const sharedModule = async name => (await Object.values(shared[name])[0].get())();

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB['brics-time-left'] = {
    init(scope) {
      shared = scope;
    },
    async get() {
      const { makePlugin } = await import(plugin);
      const module = { __esModule: true, default: await makePlugin(sharedModule) };
      return () => module;
    },
  };
}
