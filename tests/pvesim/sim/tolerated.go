package sim

import (
	"net/url"
	"strings"
)

// toleratedHabit is something that the Terraform provider sends although the schema does not allow it, and that
// a real Proxmox VE accepts.
type toleratedHabit struct {
	reason string
	// repair changes the form to what the schema allows and returns the parameters that it touched.
	repair func(form url.Values) []string
}

// toleratedHabits is the only place where the simulator is less strict than the schema.
var toleratedHabits = []toleratedHabit{
	{
		reason: "a trailing comma in a property string: PVE's parser skips empty items",
		repair: func(form url.Values) []string {
			var touched []string
			for key, values := range form {
				for i, value := range values {
					if strings.HasSuffix(value, ",") && strings.Contains(value, "=") {
						values[i] = strings.TrimRight(value, ",")
						touched = append(touched, key)
					}
				}
			}
			return touched
		},
	},
	{
		reason: "a repeated parameter delete: PVE joins the values of a list",
		repair: func(form url.Values) []string {
			if len(form["delete"]) < 2 {
				return nil
			}
			form.Set("delete", strings.Join(form["delete"], ","))
			return []string{"delete"}
		},
	},
}

// tolerate returns the form as the schema would like it and a record of each habit that was seen.
func tolerate(method, path, escaped string, form url.Values) (url.Values, []Violation) {
	form = cloneValues(form)
	var seen []Violation
	if strings.HasSuffix(escaped, "/") || strings.Contains(escaped, "//") {
		seen = append(seen, Violation{
			Method: method, Path: path, Reason: "empty path segment",
			Tolerated: "pveproxy splits the path at runs of slashes",
		})
	}
	for _, habit := range toleratedHabits {
		for _, param := range habit.repair(form) {
			seen = append(seen, Violation{Method: method, Path: path, Parameter: param, Reason: "habit of the client", Tolerated: habit.reason})
		}
	}
	return form, seen
}
