package guest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
)

// errKeyDiffers travels through the SSH library's own errors.
var errKeyDiffers = errors.New("host key differs")

type seenKey struct{ key ssh.PublicKey }

func (s *seenKey) learn(_ string, _ net.Addr, key ssh.PublicKey) error {
	s.key = key
	return nil
}

func (s *seenKey) require(want ssh.PublicKey) ssh.HostKeyCallback {
	return func(_ string, _ net.Addr, key ssh.PublicKey) error {
		s.key = key
		if !bytes.Equal(key.Marshal(), want.Marshal()) {
			return errKeyDiffers
		}
		return nil
	}
}

// hostKeyError tells whether a failed handshake means another machine: it shows another key, or
// it has none of the known key's kind.
func hostKeyError(err error, c Connection, seen ssh.PublicKey) error {
	differs := errors.Is(err, errKeyDiffers) || strings.Contains(err.Error(), errKeyDiffers.Error())
	noneOfKind := c.HostKey != "" && strings.Contains(err.Error(), "no common algorithm for host key")
	if !differs && !noneOfKind {
		return nil
	}
	e := &HostKeyError{Address: c.Address(), Want: fingerprint(c.HostKey), Have: "none of that kind"}
	if differs && seen != nil {
		e.Have = seen.Type() + " " + ssh.FingerprintSHA256(seen)
	}
	return e
}

// ParseHostKey reads one key in authorized_keys form.
func ParseHostKey(line string) (ssh.PublicKey, error) {
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, errors.New(`host key is not in the form "ssh-ed25519 AAAA..." (what ssh-keyscan prints after the name)`)
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("host key: give one key, not several lines")
	}
	return key, nil
}

// FormatHostKey writes a key in authorized_keys form without a comment.
func FormatHostKey(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// SameHostKey compares two keys in authorized_keys form by their content, comments aside.
func SameHostKey(a, b string) bool {
	keyA, errA := ParseHostKey(a)
	keyB, errB := ParseHostKey(b)
	return errA == nil && errB == nil && bytes.Equal(keyA.Marshal(), keyB.Marshal())
}

func fingerprint(line string) string {
	key, err := ParseHostKey(line)
	if err != nil {
		return line
	}
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}

// algorithms are the signature algorithms that prove a key of a kind.
func algorithms(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}

// HostKeyError says that a guest is not the one it was.
type HostKeyError struct {
	Address string
	// Want and Have are kinds and fingerprints.
	Want, Have string
}

func (e *HostKeyError) Error() string {
	return fmt.Sprintf("the host key of %s is not the known one: known %s, shown %s", e.Address, e.Want, e.Have)
}
