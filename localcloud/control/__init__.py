"""What tests hold in their hands: the clock, throttling, faults. Azure has nothing like it.

`faults` and `throttling` decide and do no IO; `operations` tells which limit an operation counts against;
`switches` is what the HTTPS front and the MQTT sessions ask; while nothing is on, that is one attribute.
"""
