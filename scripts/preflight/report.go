package preflight

// Status is the outcome of a check.
type Status string

// The outcomes, the worst last. Only Fail says that `pulumi up` would fail.
const (
	OK      Status = "ok"
	Skipped Status = "skipped"
	Warn    Status = "warn"
	Fail    Status = "fail"
)

// Finding is one thing that a check found out.
type Finding struct {
	Status  Status `json:"status"`
	Message string `json:"message"`
	// Fix says what to do, empty when there is nothing to do.
	Fix string `json:"fix,omitempty"`
}

// Result is what a check found out.
type Result struct {
	Check string `json:"check"`
	// Status is the worst of the findings.
	Status   Status    `json:"status"`
	Findings []Finding `json:"findings"`
}

// Report holds the results of all checks in the order in which they ran.
type Report struct {
	Stack  string   `json:"stack"`
	Checks []Result `json:"checks"`
}

// Count says how many checks ended with a status.
func (r Report) Count(status Status) int {
	n := 0
	for _, c := range r.Checks {
		if c.Status == status {
			n++
		}
	}
	return n
}

// Status returns how a check ended, empty when it did not run.
func (r Report) Status(check string) Status {
	for _, c := range r.Checks {
		if c.Check == check {
			return c.Status
		}
	}
	return ""
}

var severity = map[Status]int{OK: 0, Skipped: 1, Warn: 2, Fail: 3}

func worst(findings []Finding) Status {
	status := OK
	for _, f := range findings {
		if severity[f.Status] > severity[status] {
			status = f.Status
		}
	}
	return status
}
