package apischema

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParamError is one rejected parameter, as in the "errors" object of Proxmox
// VE's answer 400 "Parameter verification failed.". Reason is Proxmox VE's own
// text; like there, the reason of a rejected format ends in a newline.
type ParamError struct {
	Param  string
	Reason string
}

func (e ParamError) Error() string { return e.Param + ": " + e.Reason }

const (
	reasonUnknown  = "property is not defined in schema and the schema does not allow additional properties"
	reasonMissing  = "property is missing and it is not optional"
	reasonConflict = "duplicate parameter (already defined in URI) with conflicting values!"
)

// Validate checks the parameters of a request, those in the path and those in
// the query or form, as PVE::JSONSchema does. It returns one error per rejected
// parameter, sorted by name, or nil.
//
// As in Proxmox VE a repeated form value is a list: it fills a parameter of
// type array or of a "-list" format, and is refused elsewhere.
func (c *Call) Validate(pathParams map[string]string, form url.Values) []ParamError {
	errs := &errorSet{}
	values := make(map[string][]string, len(pathParams)+len(form))
	for name, list := range form {
		if len(list) > 0 {
			values[name] = list
		}
	}
	for name, value := range pathParams {
		if given, repeated := values[name]; repeated && !slices.Equal(given, []string{value}) {
			errs.add(name, reasonConflict)
		}
		values[name] = []string{value}
	}
	if errs.list == nil {
		c.parameters.checkParameters(values, errs)
	}
	return errs.sorted()
}

func (o *object) checkParameters(values map[string][]string, errs *errorSet) {
	checkRequired(o, "", values, errs)
	for name, list := range values {
		p, found := o.properties[name]
		if !found {
			o.refuseUnknown(name, errs)
			continue
		}
		if p.requires != "" && values[p.requires] == nil {
			errs.add(p.requires, missingRequired(name))
		}
		if p.oneOf == nil {
			p.checkParameter(name, list, errs)
			continue
		}
		if alternative := p.alternative(values[p.typeProperty]); alternative != nil {
			alternative.checkParameter(name, list, errs)
		} else {
			o.refuseUnknown(name, errs)
		}
	}
}

func checkRequired[V any](o *object, prefix string, values map[string]V, errs *errorSet) {
	for _, name := range o.required {
		if _, found := values[name]; !found {
			errs.add(prefix+name, reasonMissing)
		}
	}
}

func (o *object) refuseUnknown(path string, errs *errorSet) {
	if o.closed {
		errs.add(path, reasonUnknown)
	}
}

func missingRequired(path string) string {
	return "missing property - '" + path + "' requires this property"
}

// alternative returns the variant of a oneOf property for the instance type
// that its type-property has, or nil.
func (p *property) alternative(instanceType []string) *property {
	if len(instanceType) != 1 {
		return nil
	}
	for _, alternative := range p.oneOf {
		if slices.Contains(alternative.instanceTypes, instanceType[0]) {
			return alternative
		}
	}
	return nil
}

// checkParameter checks a form value, which may be repeated.
func (p *property) checkParameter(path string, list []string, errs *errorSet) {
	if p.kind == "array" {
		p.checkArray(path, list, errs)
		return
	}
	if len(list) == 1 {
		p.checkValue(path, list[0], errs)
		return
	}
	if p.kind == "string" && p.listFormat {
		p.checkValue(path, strings.Join(list, ","), errs)
		return
	}
	errs.add(path, fmt.Sprintf("type check ('%s') failed - got ARRAY", p.kind))
}

func (p *property) checkArray(path string, list []string, errs *errorSet) {
	// A lone value becomes a list of one only when Perl takes it for true.
	if len(list) == 1 && (list[0] == "" || list[0] == "0") {
		errs.add(path, "type check ('array') failed")
		return
	}
	if p.items == nil {
		return
	}
	for i, value := range list {
		p.items.checkValue(path+"["+strconv.Itoa(i)+"]", value, errs)
	}
}

var (
	integerRE = regexp.MustCompile(`^[+-]?\d+$`)
	numberRE  = regexp.MustCompile(`^[+-]?(\d+\.\d+|\d+\.|\.\d+|\d+)([eE][+-]?\d+)?$`)
)

func (p *property) hasType(value string) bool {
	switch p.kind {
	case "boolean":
		return value == "0" || value == "1"
	case "integer":
		return integerRE.MatchString(value)
	case "number":
		return numberRE.MatchString(value)
	}
	return true
}

// checkValue checks one scalar. The order of the checks, and that the first
// failure ends them, is PVE::JSONSchema's.
func (p *property) checkValue(path, value string, errs *errorSet) {
	if !p.hasType(value) {
		errs.add(path, fmt.Sprintf("type check ('%s') failed - got '%s'", p.kind, value))
		return
	}
	if p.format != nil {
		if err := p.format.check(path, value); err != nil {
			errs.add(path, "invalid format - "+err.Error()+"\n")
			return
		}
	}
	if p.pattern != nil && !p.pattern.MatchString(value) {
		errs.add(path, "value does not match the regex pattern")
		return
	}
	if reason := p.checkLimits(value); reason != "" {
		errs.add(path, reason)
		return
	}
	if p.enum != nil && !slices.Contains(p.enum, value) {
		errs.add(path, fmt.Sprintf("value '%s' does not have a value in the enumeration '%s'", value, strings.Join(p.enum, ", ")))
	}
}

func (p *property) checkLimits(value string) string {
	if p.maxLength != nil && float64(utf8.RuneCountInString(value)) > p.maxLength.value {
		return "value may only be " + p.maxLength.text + " characters long"
	}
	if p.minLength != nil && float64(utf8.RuneCountInString(value)) < p.minLength.value {
		return "value must be at least " + p.minLength.text + " characters long"
	}
	if p.maximum == nil && p.minimum == nil || !numberRE.MatchString(value) {
		return ""
	}
	// An exponent too big for a float reads as infinity, as in Perl.
	number, _ := strconv.ParseFloat(value, 64)
	if p.maximum != nil && number > p.maximum.value {
		return "value must have a maximum value of " + p.maximum.text
	}
	if p.minimum != nil && number < p.minimum.value {
		return "value must have a minimum value of " + p.minimum.text
	}
	return ""
}

// errorSet collects errors in any order.
type errorSet struct{ list []ParamError }

func (s *errorSet) add(param, reason string) {
	s.list = append(s.list, ParamError{Param: param, Reason: reason})
}

// sorted returns one error per parameter. Proxmox VE joins several reasons with
// a backslash and an n, not with a newline.
func (s *errorSet) sorted() []ParamError {
	slices.SortFunc(s.list, func(a, b ParamError) int {
		return cmp.Or(strings.Compare(a.Param, b.Param), strings.Compare(a.Reason, b.Reason))
	})
	var merged []ParamError
	for _, e := range s.list {
		if last := len(merged) - 1; last >= 0 && merged[last].Param == e.Param {
			merged[last].Reason += `\n` + e.Reason
			continue
		}
		merged = append(merged, e)
	}
	return merged
}
