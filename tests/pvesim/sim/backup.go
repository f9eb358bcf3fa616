package sim

// backup is what a backup archive holds.
type backup struct {
	Kind string
}

func restore(c *call, kind, archive string) (any, error) { return nil, fail("not yet") }
