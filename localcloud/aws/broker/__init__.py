"""AWS IoT's message broker: MQTT 3.1.1 and 5 with client certificates.

broker               who is connected; puts the rest together
admission            which certificates are let in; just-in-time registration and provisioning
permissions          what a certificate's policies let its client do
variables            what policies can say about a certificate and a thing
sessions             subscriptions and messages that outlive a connection
connection           one client's requests
exchange             from whoever publishes to subscribers and rules
presence             the events about connections and subscriptions; what the fleet index is told
registry_events      the events about things
limits               AWS' limits on topics and messages
doorkeeper           the same certificates and policies for the data services over HTTPS
*_topics             requests on reserved topics: shadows, fleet provisioning, jobs, Basic Ingest
provisioning_hook    the Lambda function that fleet provisioning asks
"""
