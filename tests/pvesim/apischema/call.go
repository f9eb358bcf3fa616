package apischema

// Call is one API call: a method on a path template.
type Call struct {
	path        string
	method      string
	description string
	proxyTo     string
	allowToken  bool
	protected   bool
	parameters  *object
	permissions permissions
}

// Path returns the path template, such as "/nodes/{node}/qemu/{vmid}/config".
func (c *Call) Path() string { return c.path }

// Method returns the HTTP method: GET, POST, PUT or DELETE.
func (c *Call) Method() string { return c.method }

// Description returns Proxmox VE's own words on the call.
func (c *Call) Description() string { return c.description }

// AllowToken reports whether API tokens may use the call; a few calls need a
// login ticket.
func (c *Call) AllowToken() bool { return c.allowToken }

// Protected reports whether the call runs in the privileged daemon.
func (c *Call) Protected() bool { return c.protected }

// ProxyTo names the parameter that holds the node which executes the call, or
// is empty for a call that any node executes.
func (c *Call) ProxyTo() string { return c.proxyTo }
