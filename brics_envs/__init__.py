"""Development and deployment environments for the BriCS JupyterHub service.

One way through the code, and one direction of imports (held by ``tests/unit/test_imports.py``)::

    errors <- config <- plan <- effects <- lifecycle <- cli

``config`` reads and validates what is on disk, ``plan`` decides (pure functions), ``effects`` starts processes and
talks to podman, Git and HTTP, ``lifecycle`` observes, plans, applies and verifies, ``cli`` is what the tasks call.
"""
