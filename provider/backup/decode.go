package backup

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// decode returns the inputs that a job of the API stands for. The API shows what the job file
// holds: numbers and booleans may be text, nested options text or objects, and what is unset is
// absent and has Proxmox's default.
func decode(job map[string]any) (JobArgs, error) {
	yes := true
	a := JobArgs{Enabled: &yes, Mode: "snapshot", Compress: "0", NotificationMode: "auto"}
	for _, o := range options {
		value, found := job[o.name]
		if !found || value == nil {
			continue
		}
		if err := o.decode(value, &a); err != nil {
			return JobArgs{}, fmt.Errorf("option %s: %w", o.name, err)
		}
	}
	// In Proxmox, exclusions select all other guests.
	if a.ExcludeVMIDs != nil && a.VMIDs == nil && a.Pool == nil {
		a.All = &yes
	}
	return a, nil
}

func parseText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return bit(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	default:
		return "", fmt.Errorf("neither text nor a number: %v", v)
	}
}

func parseInt(v any) (int, error) {
	if f, ok := v.(float64); ok && (f != math.Trunc(f) || math.Abs(f) > math.MaxInt32) {
		return 0, fmt.Errorf("not a number in the range of an option: %v", f)
	}
	text, err := parseText(v)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("not a number: %q", text)
	}
	return int(n), nil
}

func parseBool(v any) (bool, error) {
	text, err := parseText(v)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(text) {
	case "1", "on", "yes", "true":
		return true, nil
	case "", "0", "off", "no", "false":
		return false, nil
	default:
		return false, fmt.Errorf("neither true nor false: %q", text)
	}
}

// parseList reads a list as Proxmox splits one: NUL bytes, or commas, semicolons and spaces.
func parseList(v any) ([]string, error) {
	text, err := parseText(v)
	if err != nil {
		return nil, err
	}
	return splitList(text), nil
}

func splitList(text string) []string {
	separators := ",; \t\n"
	if strings.Contains(text, "\x00") {
		separators = "\x00"
	}
	items := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) })
	if len(items) == 0 {
		return nil
	}
	return items
}

// parsePaths reads a list whose items may hold separators: Proxmox shows it as an array.
func parsePaths(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		return parseList(v)
	}
	var items []string
	for _, item := range list {
		text, err := parseText(item)
		if err != nil {
			return nil, err
		}
		if text != "" {
			items = append(items, text)
		}
	}
	return items, nil
}

func parseVMIDs(v any) ([]int, error) {
	items, err := parseList(v)
	if err != nil {
		return nil, err
	}
	var ids []int
	for _, item := range items {
		id, err := parseInt(item)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return unique(ids), nil
}

// unique returns the ids in order and once each: to Proxmox they are a set.
func unique(ids []int) []int {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// parseProperties reads a nested option: an object, or text such as "keep-daily=7,keep-last=3"
// in which a value without a name is that of defaultKey.
func parseProperties(v any, defaultKey string) (map[string]string, error) {
	properties := map[string]string{}
	if object, ok := v.(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			text, err := parseText(object[name])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			properties[name] = text
		}
		return properties, nil
	}
	text, err := parseText(v)
	if err != nil {
		return nil, err
	}
	for item := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(strings.TrimSpace(item), "=")
		if !found {
			name, value = defaultKey, name
		}
		if name == "" && value == "" {
			continue
		}
		properties[name] = value
	}
	return properties, nil
}
