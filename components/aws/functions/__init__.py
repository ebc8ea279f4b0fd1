"""Code that runs in AWS Lambda, when devices enrol. It imports nothing but itself, the standard library and
boto3, which Lambda's Python has; what it is told stands in a file `settings.json` beside it.

certificates    what a device's certificate says, read without a library
registry        the calls of AWS IoT that both functions make, each fit to be repeated
registration    just-in-time registration: who is let in, and what a device becomes
hook            fleet provisioning: which claim, which device, how many

In each, `decision` decides and `edge` asks and does. A package (components/aws/packages.py) holds the folder
under the name `functions`, hence the relative imports.
"""
