package toolchain

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A bridge is compiled over a newer version of the Terraform provider than the one behind the SDK.
// These are the differences that this makes and that harm nobody, by the SDK's type and property.
// A property that the program sets may not stand here, and a difference that is gone must go.
var harmless = map[string]string{
	"Vm2":             "an experiment beside VirtualMachine",
	"VirtualMachine2": "an experiment beside VirtualMachine",
}

// bridges names what is compared: the SDK's module, the folder of its packages in it, and the
// packages whose resources the bridge must serve.
var bridges = []struct {
	provider Tool
	module   string
	folder   string
	packages []string
}{
	{
		provider: ProviderProxmox, module: "github.com/muhlba91/pulumi-proxmoxve/sdk/v6", folder: "go/proxmoxve",
		packages: []string{".", "vm", "ct", "storage", "download", "network", "ha", "permission", "user", "cluster"},
	},
	{provider: ProviderMinio, module: "github.com/pulumi/pulumi-minio/sdk", folder: "go/minio", packages: []string{"."}},
}

func TestBridgesServeTheSDKs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	root, err := Root()
	require.NoError(t, err)
	used := usedProperties(t, root)
	require.Contains(t, used, "VirtualMachine.NodeName", "the scan of the program finds nothing")
	unseen := maps.Clone(harmless)
	for _, b := range bridges {
		t.Run(b.provider.Name, func(t *testing.T) {
			schema := bridgeSchema(ctx, t, root, b.provider)
			sdk := filepath.Join(moduleFolder(ctx, t, b.module), b.folder)
			for _, name := range b.packages {
				c := comparison{schema: schema, sdk: parsePackage(t, filepath.Join(sdk, name))}
				c.resources()
				if name == "." {
					c.properties("Provider", c.sdk.structs["providerArgs"], schema.Provider.InputProperties, nil)
				}
				require.Positive(t, c.compared, "nothing to compare in %s", name)
				for _, d := range c.differences {
					reason, ok := harmless[d.at]
					delete(unseen, d.at)
					if !ok {
						t.Errorf("%s (%s) %s: %s", d.at, name, b.module, d.what)
					} else if used[d.at] {
						t.Errorf("%s: %s; the program sets it, so that it cannot be harmless: %s", d.at, d.what, reason)
					}
				}
			}
		})
	}
	require.Empty(t, unseen, "these differences are gone: remove them from the table")
}

type packageSchema struct {
	Provider  objectSchema            `json:"provider"`
	Resources map[string]objectSchema `json:"resources"`
	Types     map[string]objectSchema `json:"types"`
}

type objectSchema struct {
	Properties      map[string]typeSchema `json:"properties"`
	InputProperties map[string]typeSchema `json:"inputProperties"`
	RequiredInputs  []string              `json:"requiredInputs"`
	Required        []string              `json:"required"`
}

type typeSchema struct {
	Type       string      `json:"type"`
	Ref        string      `json:"$ref"`
	Items      *typeSchema `json:"items"`
	Additional *typeSchema `json:"additionalProperties"`
}

func bridgeSchema(ctx context.Context, t *testing.T, root string, provider Tool) packageSchema {
	t.Helper()
	tools, err := Ensure(ctx, root, t.Output(), Pulumi, provider)
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, tools[Pulumi.Name], "package", "get-schema", tools[provider.Name])
	cmd.Dir = t.TempDir() // outside the project, whose plugins this command does not find from a folder below
	cmd.Env = append(os.Environ(), "PULUMI_HOME="+t.TempDir(), "PULUMI_SKIP_UPDATE_CHECK=true")
	out, err := cmd.Output()
	require.NoError(t, err)
	var schema packageSchema
	require.NoError(t, json.Unmarshal(out, &schema))
	return schema
}

func moduleFolder(ctx context.Context, t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// sdkPackage is a package of an SDK: the token of each resource by its Go type, and every struct.
type sdkPackage struct {
	tokens  map[string]string
	structs map[string]*ast.StructType
}

func parsePackage(t *testing.T, dir string) sdkPackage {
	t.Helper()
	p := sdkPackage{tokens: map[string]string{}, structs: map[string]*ast.StructType{}}
	for _, file := range parseFolder(t, dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					p.structs[n.Name.Name] = s
				}
			case *ast.FuncDecl:
				if name, ok := strings.CutPrefix(n.Name.Name, "New"); ok {
					if token := registeredToken(n); token != "" {
						p.tokens[name] = token
					}
				}
			}
			return true
		})
	}
	return p
}

// unexported finds the struct that an SDK keeps beside the exported one, with plain Go types.
func (p sdkPackage) unexported(exported string) *ast.StructType {
	for name, s := range p.structs {
		if strings.EqualFold(name, exported) && !ast.IsExported(name) {
			return s
		}
	}
	return nil
}

func parseFolder(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, names, dir)
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

// registeredToken finds ctx.RegisterResource("token", ...) in a constructor of an SDK.
func registeredToken(constructor *ast.FuncDecl) (token string) {
	ast.Inspect(constructor, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != "RegisterResource" {
			return true
		}
		if literal, ok := call.Args[0].(*ast.BasicLit); ok {
			token, _ = strconv.Unquote(literal.Value)
		}
		return false
	})
	return token
}

// comparison collects what an SDK's package has and the bridge has not.
type comparison struct {
	schema      packageSchema
	sdk         sdkPackage
	compared    int
	differences []difference
}

type difference struct{ at, what string }

func (c *comparison) differ(at, format string, args ...any) {
	c.differences = append(c.differences, difference{at, fmt.Sprintf(format, args...)})
}

func (c *comparison) resources() {
	for _, name := range slices.Sorted(maps.Keys(c.sdk.tokens)) {
		if strings.HasPrefix(c.sdk.tokens[name], "pulumi:providers:") {
			continue
		}
		resource, ok := c.schema.Resources[c.sdk.tokens[name]]
		if !ok {
			c.compared++
			c.differ(name, "the bridge has no resource %s", c.sdk.tokens[name])
			continue
		}
		c.properties(name, c.sdk.unexported(name+"Args"), resource.InputProperties, resource.RequiredInputs)
		c.properties(name, c.sdk.unexported(name+"State"), resource.Properties, nil)
	}
}

// properties compares the fields of an SDK's struct with an object of the schema.
func (c *comparison) properties(name string, s *ast.StructType, has map[string]typeSchema, required []string) {
	if s == nil {
		c.differ(name, "the SDK has no such struct")
		return
	}
	optional := map[string]bool{} // by property of the SDK
	for _, field := range s.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag, _ := strconv.Unquote(field.Tag.Value)
		property := strings.TrimSuffix(reflect.StructTag(tag).Get("pulumi"), ",optional")
		if property == "" {
			continue
		}
		c.compared++
		_, pointer := field.Type.(*ast.StarExpr)
		optional[property] = pointer
		at := name + "." + field.Names[0].Name
		if schema, ok := has[property]; ok {
			c.types(at, field.Type, schema)
		} else {
			c.differ(at, "the bridge has no property %q", property)
		}
	}
	for _, property := range required {
		if isOptional, ok := optional[property]; !ok || isOptional {
			c.differ(name+"."+property, "the bridge requires it, the SDK does not")
		}
	}
}

func (c *comparison) types(at string, expr ast.Expr, schema typeSchema) {
	switch e := expr.(type) {
	case *ast.StarExpr:
		c.types(at, e.X, schema)
	case *ast.ArrayType:
		if schema.Items == nil {
			c.differ(at, "a list in the SDK, %s in the bridge", schema)
			return
		}
		c.types(at, e.Elt, *schema.Items)
	case *ast.MapType:
		if schema.Additional == nil {
			c.differ(at, "a map in the SDK, %s in the bridge", schema)
			return
		}
		c.types(at, e.Value, *schema.Additional)
	case *ast.Ident:
		c.named(at, e.Name, schema)
	default:
		c.differ(at, "a %T in the SDK", expr)
	}
}

// named compares a basic type or a struct. All numbers are alike on the wire.
func (c *comparison) named(at, name string, schema typeSchema) {
	basic := map[string][]string{
		"string": {"string"}, "bool": {"boolean"},
		"int": {"integer", "number"}, "float64": {"integer", "number"},
	}
	if kinds, ok := basic[name]; ok {
		if !slices.Contains(kinds, schema.Type) {
			c.differ(at, "%s in the SDK, %s in the bridge", name, schema)
		}
		return
	}
	object, ok := c.schema.Types[strings.TrimPrefix(schema.Ref, "#/types/")]
	if !ok {
		c.differ(at, "%s in the SDK, %s in the bridge", name, schema)
		return
	}
	c.properties(name, c.sdk.structs[name], object.Properties, object.Required)
}

func (s typeSchema) String() string { return s.Type + s.Ref }

// usedProperties finds the fields of the SDKs' types that the program sets, as "Type.Field".
func usedProperties(t *testing.T, root string) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	for _, dir := range []string{"components", "stacks"} {
		for _, file := range parseFolder(t, filepath.Join(root, dir)) {
			ast.Inspect(file, func(n ast.Node) bool {
				literal, ok := n.(*ast.CompositeLit)
				if !ok {
					return true
				}
				selector, ok := literal.Type.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				name, isArgs := strings.CutSuffix(selector.Sel.Name, "Args")
				for _, element := range literal.Elts {
					if pair, ok := element.(*ast.KeyValueExpr); ok && isArgs {
						used[name+"."+pair.Key.(*ast.Ident).Name] = true
					}
				}
				return true
			})
		}
	}
	return used
}

// TestComparison: each kind of difference is found, and nothing else.
func TestComparison(t *testing.T) {
	sdk := t.TempDir()
	write(t, filepath.Join(sdk, "thing.go"), `package sdk

type thingArgs struct {
	Same   *string           `+"`pulumi:\"same\"`"+`
	Count  int               `+"`pulumi:\"count\"`"+`
	Kind   *string           `+"`pulumi:\"kind\"`"+`
	List   []string          `+"`pulumi:\"list\"`"+`
	Map    map[string]string `+"`pulumi:\"map\"`"+`
	Parts  []ThingPart       `+"`pulumi:\"parts\"`"+`
	Extra  *bool             `+"`pulumi:\"extra\"`"+`
	Needed *string           `+"`pulumi:\"needed\"`"+`
}

type thingState struct{}

type ThingPart struct {
	Size *int `+"`pulumi:\"size\"`"+`
}

func NewThing(ctx *Context) { ctx.RegisterResource("x:index/thing:Thing") }
func NewOther(ctx *Context) { ctx.RegisterResource("x:index/other:Other") }
`)
	var schema packageSchema
	require.NoError(t, json.Unmarshal([]byte(`{
		"resources": {"x:index/thing:Thing": {
			"inputProperties": {
				"same": {"type": "string"},
				"count": {"type": "number"},
				"kind": {"type": "boolean"},
				"list": {"type": "string"},
				"map": {"type": "object", "additionalProperties": {"type": "integer"}},
				"parts": {"type": "array", "items": {"$ref": "#/types/x:index/ThingPart:ThingPart"}},
				"needed": {"type": "string"}
			},
			"requiredInputs": ["needed", "count", "unknown"]
		}},
		"types": {"x:index/ThingPart:ThingPart": {"properties": {"size": {"type": "string"}}}}
	}`), &schema))
	c := comparison{schema: schema, sdk: parsePackage(t, sdk)}
	c.resources()
	require.Equal(t, []difference{
		{"Other", "the bridge has no resource x:index/other:Other"},
		{"Thing.Kind", "string in the SDK, boolean in the bridge"},
		{"Thing.List", "a list in the SDK, string in the bridge"},
		{"Thing.Map", "string in the SDK, integer in the bridge"},
		{"ThingPart.Size", "int in the SDK, string in the bridge"},
		{"Thing.Extra", `the bridge has no property "extra"`},
		{"Thing.needed", "the bridge requires it, the SDK does not"},
		{"Thing.unknown", "the bridge requires it, the SDK does not"},
	}, c.differences)
}
