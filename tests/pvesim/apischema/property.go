package apischema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// propertyInfo is a property as it stands in the schema file, be it a
// parameter or a key of a property string.
type propertyInfo struct {
	Type          string         `json:"type"`
	Optional      flag           `json:"optional"`
	Format        formatInfo     `json:"format"`
	Pattern       string         `json:"pattern"`
	Enum          []scalar       `json:"enum"`
	Minimum       *scalar        `json:"minimum"`
	Maximum       *scalar        `json:"maximum"`
	MinLength     *scalar        `json:"minLength"`
	MaxLength     *scalar        `json:"maxLength"`
	Requires      string         `json:"requires"`
	Items         *propertyInfo  `json:"items"`
	OneOf         []propertyInfo `json:"oneOf"`
	TypeProperty  string         `json:"type-property"`
	InstanceTypes []string       `json:"instance-types"`
	DefaultKey    flag           `json:"default_key"`
	Alias         string         `json:"alias"`
	KeyAlias      string         `json:"keyAlias"`
}

// formatInfo is a format's name or, for a property string, its keys.
type formatInfo struct {
	name string
	keys map[string]propertyInfo
}

func (f *formatInfo) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		return json.Unmarshal(raw, &f.name)
	}
	return json.Unmarshal(raw, &f.keys)
}

// flag is a boolean in Perl's spelling: 1, 0, "1" or a JSON boolean.
type flag bool

func (f *flag) UnmarshalJSON(raw []byte) error {
	switch text := strings.Trim(string(raw), `"`); text {
	case "1", "true":
		*f = true
	case "0", "false", "", "null":
		*f = false
	default:
		return fmt.Errorf("%s is not a boolean", raw)
	}
	return nil
}

// scalar is a number or string in the schema's own spelling, which the error
// texts repeat.
type scalar string

func (s *scalar) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		return json.Unmarshal(raw, (*string)(s))
	}
	*s = scalar(raw)
	return nil
}

// property is a compiled propertyInfo.
type property struct {
	kind          string // the schema's type, "" = any
	format        format // nil = free
	listFormat    bool   // the format's name ends in -list
	pattern       *regexp.Regexp
	enum          []string
	minimum       *limit
	maximum       *limit
	minLength     *limit
	maxLength     *limit
	requires      string
	items         *property
	oneOf         []*property
	typeProperty  string
	instanceTypes []string
	alias         string
	keyAlias      string
}

type limit struct {
	value float64
	text  string
}

// object is a set of properties: the parameters of a call or the keys of a
// property string.
type object struct {
	properties map[string]*property
	required   []string
	defaultKey string // property strings only
	closed     bool   // no properties besides these
}

// compiler turns the schema's definitions into properties. It compiles each
// pattern and each named format once.
type compiler struct {
	patterns map[string]*regexp.Regexp
	named    map[string]format
	unknown  map[string]bool
	strings  map[string]map[string]propertyInfo // property strings by format name
}

func (c *compiler) call(path, method string, info methodInfo) (*Call, error) {
	parameters, err := c.object(info.Parameters.Properties)
	if err != nil {
		return nil, err
	}
	parameters.closed = info.Parameters.AdditionalProperties != nil && !bool(*info.Parameters.AdditionalProperties)
	permissions, err := compilePermissions(info.Permissions)
	if err != nil {
		return nil, fmt.Errorf("permissions: %w", err)
	}
	return &Call{
		path:        path,
		method:      method,
		allowToken:  bool(info.AllowToken),
		protected:   bool(info.Protected),
		parameters:  parameters,
		permissions: permissions,
	}, nil
}

func (c *compiler) object(infos map[string]propertyInfo) (*object, error) {
	o := &object{properties: make(map[string]*property, len(infos)), closed: true}
	for name, info := range infos {
		p, err := c.property(info)
		if err != nil {
			return nil, fmt.Errorf("property %s: %w", name, err)
		}
		for _, key := range expandIndex(name) {
			o.properties[key] = p
		}
		if info.DefaultKey {
			o.defaultKey = name
		}
		if !info.Optional && p.alias == "" && p.oneOf == nil {
			o.required = append(o.required, name)
		}
	}
	return o, nil
}

func (c *compiler) property(info propertyInfo) (*property, error) {
	p := &property{
		kind:          info.Type,
		requires:      info.Requires,
		typeProperty:  info.TypeProperty,
		instanceTypes: info.InstanceTypes,
		alias:         info.Alias,
		keyAlias:      info.KeyAlias,
	}
	for _, value := range info.Enum {
		p.enum = append(p.enum, string(value))
	}
	var err error
	if p.pattern, err = c.pattern(info.Pattern); err != nil {
		return nil, err
	}
	if p.format, err = c.format(info.Format); err != nil {
		return nil, err
	}
	p.listFormat = strings.HasSuffix(info.Format.name, "-list")
	for _, bound := range []struct {
		from *scalar
		to   **limit
	}{
		{info.Minimum, &p.minimum},
		{info.Maximum, &p.maximum},
		{info.MinLength, &p.minLength},
		{info.MaxLength, &p.maxLength},
	} {
		if *bound.to, err = compileLimit(bound.from); err != nil {
			return nil, err
		}
	}
	if info.Items != nil {
		if p.items, err = c.property(*info.Items); err != nil {
			return nil, fmt.Errorf("items: %w", err)
		}
	}
	for _, alternative := range info.OneOf {
		compiled, err := c.property(alternative)
		if err != nil {
			return nil, fmt.Errorf("oneOf: %w", err)
		}
		p.oneOf = append(p.oneOf, compiled)
	}
	return p, nil
}

func compileLimit(s *scalar) (*limit, error) {
	if s == nil {
		return nil, nil
	}
	value, err := strconv.ParseFloat(string(*s), 64)
	if err != nil {
		return nil, fmt.Errorf("limit: %w", err)
	}
	return &limit{value: value, text: string(*s)}, nil
}

// pattern compiles a Perl pattern as PVE::JSONSchema applies it: between ^ and
// $ without a group around it.
func (c *compiler) pattern(perl string) (*regexp.Regexp, error) {
	if perl == "" {
		return nil, nil
	}
	if compiled, found := c.patterns[perl]; found {
		return compiled, nil
	}
	text := stringifiedRegex.ReplaceAllString(perl, "(?$1:")
	text = openQuantifier.ReplaceAllString(text, "{0,$1}")
	text = hugeQuantifier.ReplaceAllString(text, "*")
	compiled, err := regexp.Compile("^" + text + "$")
	if err != nil {
		return nil, fmt.Errorf("pattern: %w", err)
	}
	c.patterns[perl] = compiled
	return compiled, nil
}

var (
	// stringifiedRegex is how Perl prints a compiled regex: (?^i:...).
	stringifiedRegex = regexp.MustCompile(`\(\?\^([a-z]*):`)
	// openQuantifier is Perl's {,8}, which RE2 takes literally.
	openQuantifier = regexp.MustCompile(`\{,(\d+)\}`)
	// hugeQuantifier is a repetition beyond RE2's 1000; its upper bound is given
	// up.
	hugeQuantifier = regexp.MustCompile(`\{0,\d{4,}\}`)
)
