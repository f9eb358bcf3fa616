package config

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// The program must read each key that Pulumi.yaml declares, and declare each key that it reads:
// with the same type and the same default.
func TestInputMatchesPulumiYAML(t *testing.T) {
	schema := schemaOf(t)
	types := map[reflect.Kind]string{
		reflect.String: "string", reflect.Int: "integer", reflect.Bool: "boolean", reflect.Map: "object", reflect.Slice: "array",
	}
	read := map[string]bool{}
	for _, f := range fieldsOf(reflect.TypeFor[input]()) {
		read[f.key] = true
		require.Contains(t, schema, f.key)
		fieldType := reflect.TypeFor[input]().FieldByIndex(f.index).Type
		require.Equal(t, types[fieldType.Kind()], schema[f.key].Type, f.key)
		if f.key == apiTokenKey {
			require.Nil(t, schema[f.key].Default)
			continue
		}
		want, err := json.Marshal(schema[f.key].Default)
		require.NoError(t, err)
		have := []byte(f.tag.Get("default"))
		if fieldType.Kind() == reflect.String {
			have, err = json.Marshal(f.tag.Get("default"))
			require.NoError(t, err)
		}
		require.JSONEq(t, string(want), string(have), f.key)
	}
	for key := range schema {
		require.True(t, read[key], "Pulumi.yaml declares %s, and nothing reads it", key)
	}
}

// Pulumi demands that a secret of the schema is encrypted even where its default applies, so only
// a secret that everybody must set can be marked.
func TestOnlyRequiredSecretsAreMarked(t *testing.T) {
	for key, entry := range schemaOf(t) {
		require.Equal(t, entry.Default == nil, entry.Secret, key)
	}
}

// Every tag of the input types must mean something, as a misspelt one would check nothing.
func TestTagsOfInput(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Map, reflect.Slice:
			walk(typ.Elem())
		case reflect.Struct:
			if seen[typ] {
				return
			}
			seen[typ] = true
			for _, f := range fieldsOf(typ) {
				fieldType := typ.FieldByIndex(f.index).Type
				require.NotEmpty(t, f.key)
				for _, tag := range []string{"format", "keys"} {
					if name := f.tag.Get(tag); name != "" {
						require.Contains(t, formats, name, f.key)
					}
				}
				if fieldType.Kind() == reflect.Int {
					_, hasMin := bound(f.tag, "min")
					_, hasMax := bound(f.tag, "max")
					require.True(t, hasMin && hasMax, f.key)
				}
				if text, ok := f.tag.Lookup("default"); ok {
					p := &problems{}
					(&decoder{p}).field(f.key, nil, reflect.New(fieldType).Elem(), f.tag)
					require.Empty(t, p.list, "the default %s", text)
				}
				walk(fieldType)
			}
		}
	}
	walk(reflect.TypeFor[input]())
	require.Len(t, seen, 7)
}
