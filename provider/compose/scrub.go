package compose

import (
	"cmp"
	"slices"
	"strings"
)

// What is shorter is no secret, and replacing it would make messages unreadable.
const minSecretLength = 4

const scrubbed = "[secret]"

// scrubber removes secrets from what a guest or a library says.
type scrubber struct{ secrets []string }

// newScrubber learns the secret files' contents, their lines, and the values in lines like
// NAME=value and name: value, in each of the ways in which a program may quote them.
func newScrubber(args ProjectArgs) scrubber {
	known := map[string]bool{}
	learn := func(text string) {
		text = strings.Trim(strings.TrimSpace(text), `"'`)
		if len(text) >= minSecretLength && !slices.Contains([]string{"true", "false", "null"}, text) {
			known[text] = true
		}
	}
	for _, f := range args.SecretFiles {
		learn(f.Content)
		for line := range strings.Lines(f.Content) {
			learn(line)
			for _, separator := range []string{"=", ":"} {
				if _, value, ok := strings.Cut(line, separator); ok {
					learn(value)
				}
			}
		}
	}
	for line := range strings.Lines(args.Connection.PrivateKey) {
		learn(line)
	}
	var s scrubber
	for secret := range known {
		s.secrets = append(s.secrets, secret)
	}
	// A secret may be part of another one.
	slices.SortFunc(s.secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return s
}

func (s scrubber) text(text string) string {
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, scrubbed)
	}
	return text
}

// error keeps the kind of an error and scrubs its text.
func (s scrubber) error(err error) error {
	if err == nil {
		return nil
	}
	text := s.text(err.Error())
	if text == err.Error() {
		return err
	}
	return &scrubbedError{text: text, err: err}
}

type scrubbedError struct {
	text string
	err  error
}

func (e *scrubbedError) Error() string { return e.text }
func (e *scrubbedError) Unwrap() error { return e.err }
