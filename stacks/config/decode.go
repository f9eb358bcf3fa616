package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decoder fills the types of input.go. It reports every problem instead of stopping at the first,
// leaves a field with a problem at its zero value, and keeps numbers exact, so that 2.5 cores are
// a problem rather than 2.
type decoder struct {
	*problems
}

// field is a field of an input type with what its tags say.
type field struct {
	key   string
	index []int
	tag   reflect.StructTag
}

const (
	aNumber  = "a whole number"
	aBoolean = "a boolean"
)

// fieldsOf lists the fields of an input type, those of embedded types included.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			fields = append(fields, field{key: f.Tag.Get("config"), index: f.Index, tag: f.Tag})
		}
	}
	return fields
}

// parseJSON reads one JSON document with its numbers as written.
func parseJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("parse JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("parse JSON: text after the value")
	}
	return v, nil
}

// parseText turns the text of a whole setting, or of a default, into what value expects.
func parseText(text string, t reflect.Type) any {
	if t.Kind() == reflect.String {
		return text
	}
	v, err := parseJSON(text)
	if err != nil {
		return text
	}
	return v
}

func (d *decoder) value(path string, raw any, out reflect.Value, tag reflect.StructTag) {
	switch out.Kind() {
	case reflect.Struct:
		d.structure(path, raw, out)
	case reflect.Map:
		d.mapping(path, raw, out, tag)
	case reflect.Slice:
		d.list(path, raw, out, tag)
	case reflect.String:
		d.text(path, raw, out, tag)
	case reflect.Int:
		d.number(path, raw, out, tag)
	case reflect.Bool:
		d.boolean(path, raw, out)
	}
}

func (d *decoder) structure(path string, raw any, out reflect.Value) {
	entries, ok := raw.(map[string]any)
	if !ok {
		d.wrongType(path, raw, "a set of keys and values", "Write its keys below it, indented")
		return
	}
	fields := fieldsOf(out.Type())
	for _, f := range fields {
		d.field(child(path, f.key), entries[f.key], out.FieldByIndex(f.index), f.tag)
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.key == key }) {
			d.note(child(path, key), nil, "is an unknown key", unknownKeyHint(out.Type(), key))
		}
	}
}

// field decodes one value, or its default when raw is nil.
func (d *decoder) field(path string, raw any, out reflect.Value, tag reflect.StructTag) {
	if raw != nil {
		d.value(path, raw, out, tag)
		return
	}
	if text, ok := tag.Lookup("default"); ok {
		d.value(path, parseText(text, out.Type()), out, tag)
	} else if tag.Get("required") != "" {
		d.add(path, nil, "is not set", expectation(out.Type(), tag))
	}
}

func (d *decoder) mapping(path string, raw any, out reflect.Value, tag reflect.StructTag) {
	entries, ok := raw.(map[string]any)
	if !ok {
		d.wrongType(path, raw, "a set of keys and values", "Write its keys below it, indented")
		return
	}
	out.Set(reflect.MakeMap(out.Type()))
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		entry := entries[key]
		if entry == nil {
			entry = map[string]any{}
		}
		if f, ok := formats[tag.Get("keys")]; ok {
			if rule, fix, ok := f.examine(key); !ok {
				d.note(child(path, key), key, rule, fix)
			}
		}
		v := reflect.New(out.Type().Elem()).Elem()
		d.value(child(path, key), entry, v, "")
		out.SetMapIndex(reflect.ValueOf(key), v)
	}
}

func (d *decoder) list(path string, raw any, out reflect.Value, tag reflect.StructTag) {
	entries, ok := raw.([]any)
	if !ok {
		d.wrongType(path, raw, "a list", "Write it as a list, `[a, b]`")
		return
	}
	if limit, ok := bound(tag, "maxItems"); ok && len(entries) > limit {
		d.add(path, nil, fmt.Sprintf("has %d entries", len(entries)), fmt.Sprintf("Give at most %d", limit))
		return
	}
	out.Set(reflect.MakeSlice(out.Type(), len(entries), len(entries)))
	for i, entry := range entries {
		item := fmt.Sprintf("%s[%d]", path, i)
		if entry == "" {
			d.add(item, entry, "is an empty entry", "Remove it")
			continue
		}
		d.value(item, entry, out.Index(i), tag)
	}
}

func (d *decoder) text(path string, raw any, out reflect.Value, tag reflect.StructTag) {
	s, ok := raw.(string)
	if !ok {
		d.wrongType(path, raw, "a text", "Put it in quotes")
		return
	}
	if s == "" && mayBeEmpty(tag) {
		return
	}
	if enum := tag.Get("enum"); enum != "" && !slices.Contains(strings.Fields(enum), s) {
		d.add(path, s, "is unknown", "Choose one of "+strings.Join(strings.Fields(enum), ", "))
		return
	}
	if f, ok := formats[tag.Get("format")]; ok {
		if rule, fix, ok := f.examine(s); !ok {
			d.add(path, s, rule, fix)
			return
		}
	}
	out.SetString(s)
}

// mayBeEmpty tells the settings that can be set to nothing from those that need a value.
func mayBeEmpty(tag reflect.StructTag) bool {
	return tag.Get("required") == "" && (tag.Get("default") == "" || tag.Get("optional") != "")
}

func (d *decoder) number(path string, raw any, out reflect.Value, tag reflect.StructTag) {
	literal, ok := raw.(json.Number)
	if !ok {
		d.wrongType(path, raw, aNumber, expectation(out.Type(), tag))
		return
	}
	n, err := strconv.Atoi(literal.String())
	if err != nil {
		d.add(path, literal, "is not "+aNumber, expectation(out.Type(), tag))
		return
	}
	low, hasLow := bound(tag, "min")
	high, hasHigh := bound(tag, "max")
	if hasLow && n < low || hasHigh && n > high {
		d.add(path, n, "is out of range", expectation(out.Type(), tag))
		return
	}
	out.SetInt(int64(n))
}

func (d *decoder) boolean(path string, raw any, out reflect.Value) {
	b, ok := raw.(bool)
	if !ok {
		d.wrongType(path, raw, aBoolean, "Write `true` or `false`")
		return
	}
	out.SetBool(b)
}

// wrongType reports a value that is not even of the type that its key wants.
func (d *decoder) wrongType(path string, raw any, want, fix string) {
	if text, isText := raw.(string); isText {
		if v, err := parseJSON(text); err == nil && fmt.Sprintf("%T", v) == wireTypes[want] {
			fix = "Write it without quotes"
		}
	}
	d.add(path, compact(raw), "is not "+want, fix)
}

// wireTypes are the types that parseJSON gives to what may stand in quotes by mistake.
var wireTypes = map[string]string{aNumber: "json.Number", aBoolean: "bool"}

// compact writes a decoded value as JSON for a message.
func compact(raw any) json.Number {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(raw); err != nil {
		return json.Number(fmt.Sprint(raw))
	}
	return json.Number(strings.TrimSpace(b.String()))
}

// expectation asks for a valid value in the words of the tags.
func expectation(t reflect.Type, tag reflect.StructTag) string {
	if t.Kind() == reflect.Int {
		return fmt.Sprintf("Give a whole number from %s to %s", tag.Get("min"), tag.Get("max"))
	}
	return "It must be " + formats[tag.Get("format")].rule
}

// bound reads a tag that holds a number.
func bound(tag reflect.StructTag, name string) (int, bool) {
	n, err := strconv.Atoi(tag.Get(name))
	return n, err == nil
}
