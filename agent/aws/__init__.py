"""AWS IoT through the official device SDK (awsiotsdk 1.31): the other half of `agent.cloud`.

`options`, `checks`, `shadow`, `progress` and `doubt` do without the SDK and decide; `connection`, `claim` and
`hub` talk to AWS. Only those import it, so that a device on Azure never loads it.
"""
