package sim

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

type tlsConn = tls.Conn

// authority signs the API's certificate. Its key is kept in the state, so that clients that trust the
// certificate trust it after a restart too.
type authority struct {
	certPEM []byte
	leaf    tls.Certificate
}

func newAuthority(st *state, o Options) (*authority, error) {
	if st.Secrets["ca-cert"] == "" {
		if err := createAuthority(st); err != nil {
			return nil, fmt.Errorf("create the simulator's certificate authority: %w", err)
		}
	}
	pair, err := tls.X509KeyPair([]byte(st.Secrets["ca-cert"]), []byte(st.Secrets["ca-key"]))
	if err != nil {
		return nil, fmt.Errorf("read the simulator's certificate authority: %w", err)
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", o.Listen, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("create the API's key: %w", err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: o.Nodes[0].Name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(2, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for _, n := range o.Nodes {
		leaf.DNSNames = append(leaf.DNSNames, n.Name)
	}
	if ip := net.ParseIP(host); ip != nil {
		leaf.IPAddresses = append(leaf.IPAddresses, ip)
	} else if host != "" {
		leaf.DNSNames = append(leaf.DNSNames, host)
	}
	parent, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("parse the simulator's certificate authority: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, &key.PublicKey, pair.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("sign the API's certificate: %w", err)
	}
	return &authority{
		certPEM: []byte(st.Secrets["ca-cert"]),
		leaf:    tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}, nil
}

func createAuthority(st *state) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pvesim", Organization: []string{"PVE Cluster Manager CA"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	st.Secrets["ca-cert"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	st.Secrets["ca-key"] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return nil
}

func (a *authority) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{a.leaf}}
}

// sshSigner returns the SSH key that is stored under name and creates it when there is none.
func (st *state) sshSigner(name string) (gossh.Signer, error) {
	if st.Secrets[name] == "" {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("create SSH key %s: %w", name, err)
		}
		block, err := gossh.MarshalPrivateKey(private, name)
		if err != nil {
			return nil, fmt.Errorf("encode SSH key %s: %w", name, err)
		}
		st.Secrets[name] = string(pem.EncodeToMemory(block))
	}
	signer, err := gossh.ParsePrivateKey([]byte(st.Secrets[name]))
	if err != nil {
		return nil, fmt.Errorf("read SSH key %s: %w", name, err)
	}
	return signer, nil
}
