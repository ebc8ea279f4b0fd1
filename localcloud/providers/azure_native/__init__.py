"""The stand-in for `azure-native`: ARM through the published azure-mgmt clients."""
