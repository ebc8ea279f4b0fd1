"""A TPM 2.0 seen from outside: its public keys read (`public`), a key locked for it alone (`credential`).

After the TPM 2.0 Library specification (trustedcomputinggroup.org/resource/tpm-library-specification),
revision 1.59: part 1 "Architecture", part 2 "Structures". Pure cryptography, no TPM needed.
"""
