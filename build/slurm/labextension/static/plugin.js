// JupyterLab's plugin: the time left of the job, in the status bar, and a warning at each of the marks.
import { newMark, readMarks, words } from './time_left.js';

const LOOK_EVERY_MS = 5000; // a timer of minutes would be late when the computer has slept

// sharedModule: name of a package of JupyterLab's => a promise of its module.
export async function makePlugin(sharedModule) {
  const { IStatusBar } = await sharedModule('@jupyterlab/statusbar');
  return {
    id: 'brics-time-left:plugin',
    description: 'Shows the time left of the Slurm job.',
    autoStart: true,
    optional: [IStatusBar],
    async activate(_, statusBar) {
      const { PageConfig } = await sharedModule('@jupyterlab/coreutils');
      const end = Number(PageConfig.getOption('slurmJobEnd')); // seconds since 1970
      if (!end) return; // not in a job, or Slurm does not say
      const { Notification } = await sharedModule('@jupyterlab/apputils');
      const { Widget } = await sharedModule('@lumino/widgets');
      watch(end, readMarks(PageConfig.getOption('timeLeftMarks')), {
        show: statusItem(statusBar, new Widget()),
        warn: text => Notification.warning(text, { autoClose: false }),
      });
    },
  };
}

// A function that shows a text in the status bar, where there is one.
function statusItem(statusBar, item) {
  item.addClass('jp-StatusBar-TextItem');
  item.title.caption = 'Time left of the Slurm job';
  item.node.title = item.title.caption;
  statusBar?.registerStatusItem('brics-time-left:item', { item, align: 'right', rank: 1 });
  return text => { item.node.textContent = text; };
}

function watch(end, marks, { show, warn }) {
  let before = Infinity;
  const look = () => {
    const left = end - Date.now() / 1000;
    show(`Job: ${words(left)}`);
    if (newMark(marks, before, left)) {
      warn(`This server's Slurm job ends in ${words(left, '')}, and its kernels and terminals with it. Save your work.`);
    }
    before = left;
  };
  look();
  setInterval(look, LOOK_EVERY_MS);
}
