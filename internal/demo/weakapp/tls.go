package weakapp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"time"
)

// The life of the two certificates. Fixed dates, so that no clock decides whether one has
// expired and two runs show the same.
var (
	certStart   = time.Date(2023, time.January, 1, 0, 0, 0, 0, time.UTC)
	expiredEnd  = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	currentEnd  = time.Date(2049, time.December, 31, 0, 0, 0, 0, time.UTC)
	gatewayName = "gateway.portal.example"
)

// certificates are the two that the TLS port can show, both signed by themselves.
type certificates struct {
	expired, current tls.Certificate
}

func newCertificates(address string) (*certificates, error) {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("making a certificate for %q: %w", address, err)
	}
	var c certificates
	if c.expired, err = selfSigned(addr.Addr(), 1, expiredEnd); err != nil {
		return nil, err
	}
	c.current, err = selfSigned(addr.Addr(), 2, currentEnd)
	return &c, err
}

func selfSigned(addr netip.Addr, serial int64, end time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a TLS key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: gatewayName, Organization: []string{"quell demo"}},
		DNSNames:     []string{gatewayName},
		IPAddresses:  []net.IP{addr.AsSlice()},
		NotBefore:    certStart,
		NotAfter:     end,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a TLS certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// listener gives the wrapper that speaks TLS as the switches say. They are read at every
// handshake, so turning one takes effect with the next connection.
func (c *certificates) listener(weak *switches) func(net.Listener) net.Listener {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			shown := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c.current}}
			if weak.on(ExpiredCertificate) {
				shown.Certificates = []tls.Certificate{c.expired}
			}
			if weak.on(OldTLS) {
				shown.MinVersion = tls.VersionTLS10 // the weakness itself
			}
			return shown, nil
		},
	}
	return func(ln net.Listener) net.Listener { return tls.NewListener(ln, config) }
}
