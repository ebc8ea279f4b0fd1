"""The local stack: what `muster up`, `down` and `status` start, watch and stop on this machine.

`layout` says where everything lies, `environment` what every child process is told, `processes` starts and
finds them again; `cloud`, `identity`, `deployment` and `devices` are the steps of `up`, in that order.
"""
