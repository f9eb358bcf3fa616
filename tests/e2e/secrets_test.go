package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoSecretInTheState reads every version of every object of the state bucket.
func TestNoSecretInTheState(t *testing.T) {
	h := quick(t)
	s := h.stack("prod", vmAndContainer)
	h.up(s)
	h.refresh(s)

	objects, err := h.StateObjects(h.ctx)
	require.NoError(t, err)
	checkpoints, encrypted := 0, 0
	for key, content := range objects {
		if strings.HasPrefix(key, s.StateObject()+"@") {
			checkpoints++
			if bytes.Contains(content, []byte("ciphertext")) {
				encrypted++
			}
		}
		for name, secret := range h.Secrets() {
			for _, form := range [][]byte{[]byte(secret), []byte(base64.StdEncoding.EncodeToString([]byte(secret)))} {
				require.False(t, bytes.Contains(plain(t, content), form), "%s is in clear in %s", name, key)
			}
		}
	}
	require.Greater(t, checkpoints, 5, "state versions read")
	require.Greater(t, encrypted, checkpoints/2, "versions with encrypted secrets: is this still the state?")
	for name, secret := range h.Secrets() {
		require.NotContains(t, h.out.String(), secret, "%s is in the output", name)
	}
}

func plain(t *testing.T, content []byte) []byte {
	t.Helper()
	if !bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		return content
	}
	r, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return text
}
