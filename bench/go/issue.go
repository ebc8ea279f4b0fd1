// The peer of bench/issuing.py: a P-256 key and a leaf under an intermediate, by Go's own crypto/x509.
//
// Usage: issue DEVICES GOROUTINES. Prints how many seconds a device took, on the wall, all goroutines together.
// Nothing is written, as in the sides that it stands beside.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log"
	"math/big"
	"os"
	"strconv"
	"sync"
	"time"
)

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: issue DEVICES GOROUTINES")
	}
	devices, workers := number(os.Args[1]), number(os.Args[2])
	issuer := newAuthority()
	begun := time.Now()
	var group sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			for at := worker; at < devices; at += workers {
				issue(issuer, fmt.Sprintf("reefer-%06d", at))
			}
		}(worker)
	}
	group.Wait()
	fmt.Println(time.Since(begun).Seconds() / float64(devices))
}

func newAuthority() authority {
	key := newKey()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"coldchain"}, CommonName: "coldchain oslo"},
		NotBefore:             time.Now().Add(-5 * time.Minute),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	certificate, err := x509.ParseCertificate(made)
	must(err)
	return authority{certificate, key}
}

func issue(issuer authority, name string) []byte {
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"coldchain"}, CommonName: name},
		NotBefore:             time.Now().Add(-5 * time.Minute),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	made, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, newKey().Public(), issuer.key)
	must(err)
	return made
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

func serial() *big.Int {
	found, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 159))
	must(err)
	return found
}

func number(text string) int {
	found, err := strconv.Atoi(text)
	must(err)
	return found
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
