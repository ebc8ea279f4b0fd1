"""Function apps (`*.azurewebsites.net`): a site's package runs in a process of its own.

`packages` finds and unpacks, `child` is the program in that process, `worker` talks to it, `apps` is the
host's service: keys, routes, answers. `webhooks` is how DPS calls a function. The code of a package runs as
whoever runs the local cloud, with nothing of its environment but the app's own settings: it is a separate
process, no sandbox.
"""
