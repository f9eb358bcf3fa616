package pve

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Error is an answer other than success.
type Error struct {
	Method, Path string
	// Status is the status line's code and reason phrase: Proxmox puts its message there.
	Status string
	// Code is the status code.
	Code int
	// Fields holds what Proxmox says of single parameters, by their names in the API.
	Fields map[string]string
}

func newError(method, path string, resp *http.Response, body []byte) *Error {
	e := &Error{Method: method, Path: path, Status: resp.Status, Code: resp.StatusCode}
	var answer struct {
		Errors map[string]any `json:"errors"`
	}
	// The body is optional: a proxy in front of the API answers with something else.
	if json.Unmarshal(body, &answer) == nil && len(answer.Errors) > 0 {
		e.Fields = map[string]string{}
		for field, message := range answer.Errors {
			e.Fields[field] = strings.TrimSpace(fmt.Sprint(message))
		}
	}
	return e
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: HTTP %s", e.Method, e.Path, e.Status)
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		text += fmt.Sprintf("; %s: %s", field, e.Fields[field])
	}
	return text
}
