package apischema

// Call is one API call: a method on a path template.
type Call struct {
	path        string
	method      string
	allowToken  bool
	protected   bool
	parameters  *object
	permissions permissions
}

// Path returns the path template, such as "/nodes/{node}/qemu/{vmid}/config".
func (c *Call) Path() string { return c.path }

// Method returns the HTTP method: GET, POST, PUT or DELETE.
func (c *Call) Method() string { return c.method }

// AllowToken reports whether API tokens may use the call; a few calls need a
// login ticket.
func (c *Call) AllowToken() bool { return c.allowToken }

// Protected reports whether the call runs in the privileged daemon.
func (c *Call) Protected() bool { return c.protected }
