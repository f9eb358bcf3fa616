package apischema

import (
	"strings"
)

// propertyString is the format of a comma-separated list of key=value pairs.
type propertyString struct {
	keys     *object
	validate func(values map[string]string) error // nil = no further rules
}

func (f propertyString) check(path, value string) error {
	values, err := f.parse(value)
	if err != nil {
		return err
	}
	errs := &errorSet{}
	f.keys.checkKeys(path+".", values, errs)
	if errs.list == nil {
		if f.validate == nil {
			return nil
		}
		return f.validate(values)
	}
	text := "format error"
	for _, e := range errs.sorted() {
		text += "\n" + e.Error()
	}
	return violation(text)
}

// parse splits a property string into its keys and values, aliases resolved,
// as PVE::JSONSchema::parse_property_string does.
func (f propertyString) parse(text string) (map[string]string, error) {
	values := map[string]string{}
	hasDefault := false
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		key, value, hasKey := strings.Cut(part, "=")
		if !hasKey {
			if err := f.setDefault(values, part, hasDefault); err != nil {
				return nil, err
			}
			hasDefault = true
			continue
		}
		value = strings.TrimSuffix(value, "\n")
		if key == "" || value == "" || strings.Contains(value, "\n") {
			return nil, violationf("missing key in comma-separated list property")
		}
		if err := f.setKey(values, key, value); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (f propertyString) setDefault(values map[string]string, value string, again bool) error {
	key := f.keys.defaultKey
	if key == "" {
		return violationf("value without key, but schema does not define a default key")
	}
	if again || values[key] != "" && values[key] != "0" {
		return duplicateKey(key)
	}
	values[key] = value
	return nil
}

func (f propertyString) setKey(values map[string]string, key, value string) error {
	if _, found := values[key]; found {
		return duplicateKey(key)
	}
	p := f.keys.properties[key]
	if p != nil && p.alias != "" {
		if p.keyAlias != "" {
			if _, found := values[p.keyAlias]; found {
				return violationf("key alias '%s' is already defined", p.keyAlias)
			}
			values[p.keyAlias] = key
		}
		key = p.alias
		p = f.keys.properties[key]
	}
	if p != nil && p.kind == "boolean" {
		value = canonicalBoolean(value)
	}
	values[key] = value
	return nil
}

func duplicateKey(key string) error {
	return violationf("duplicate key in comma-separated list property: %s", key)
}

// canonicalBoolean returns 1 or 0 for the spellings of a boolean that property
// strings allow, anything else as it is.
func canonicalBoolean(value string) string {
	switch strings.ToLower(value) {
	case "1", "on", "yes", "true":
		return "1"
	case "0", "off", "no", "false":
		return "0"
	}
	return value
}

func (o *object) checkKeys(prefix string, values map[string]string, errs *errorSet) {
	checkRequired(o, prefix, values, errs)
	for name, value := range values {
		p, found := o.properties[name]
		if !found {
			o.refuseUnknown(prefix+name, errs)
			continue
		}
		if p.requires != "" {
			if _, found := values[p.requires]; !found {
				errs.add(prefix+p.requires, missingRequired(prefix+name))
			}
		}
		p.checkValue(prefix+name, value, errs)
	}
}
