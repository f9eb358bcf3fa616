package guest

import (
	"fmt"
	"time"
)

// UnreachableError says that no SSH server answered in time.
type UnreachableError struct {
	Address string
	Waited  time.Duration
	Err     error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no SSH on %s within %s: %v", e.Address, e.Waited.Round(time.Second), e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// LoginError says that the guest refuses the user's keys.
type LoginError struct {
	Address, User string
	Err           error
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("%s refuses to log in %q: %v", e.Address, e.User, e.Err)
}

func (e *LoginError) Unwrap() error { return e.Err }

// LostError says that the connection ended in the middle of something.
type LostError struct {
	Address string
	// During is what was under way.
	During string
	Err    error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the SSH connection to %s was lost during %s: %v", e.Address, e.During, e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }
