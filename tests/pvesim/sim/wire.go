package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// apiError is an answer other than 2xx. Proxmox VE puts the message into the reason phrase of the status line.
type apiError struct {
	status int
	reason string
	params map[string]string
}

func (e *apiError) Error() string { return e.reason }

// fail is the answer to everything that dies in Proxmox's own code: 500 with the text.
func fail(format string, args ...any) error {
	return &apiError{status: http.StatusInternalServerError, reason: fmt.Sprintf(format, args...)}
}

// badParam is the answer to a parameter that does not pass verification.
func badParam(param, format string, args ...any) error {
	return &apiError{
		status: http.StatusBadRequest, reason: "Parameter verification failed.",
		params: map[string]string{param: fmt.Sprintf(format, args...)},
	}
}

// forbidden is the answer to a missing permission; what names it.
func forbidden(what string) error {
	return &apiError{status: http.StatusForbidden, reason: "Permission check failed (" + what + ")"}
}

// call is one API request.
type call struct {
	*Sim
	ctx context.Context
	// vars are the path's parameters, form those of the query and the body.
	vars map[string]string
	form url.Values
	user string
	http *http.Request
	// used are the privileges that the call's own checks needed, needs adds those of the schema.
	used  []string
	needs func(used map[string]bool)
}

func (c *call) use(privileges ...string) { c.used = append(c.used, privileges...) }

// account records the privileges that a call needed which succeeded.
func (c *call) account() {
	used := set(c.used...)
	if c.needs != nil {
		c.needs(used)
	}
	for name := range used {
		c.privileges[name] = true
	}
}

func (c *call) param(name string) string {
	if v, found := c.vars[name]; found {
		return v
	}
	return c.form.Get(name)
}

func (c *call) has(name string) bool { return c.form.Has(name) }

func (c *call) boolean(name string) bool { return isTrue(c.form.Get(name)) }

func (c *call) integer(name string, fallback int) int {
	n, err := strconv.Atoi(c.param(name))
	if err != nil {
		return fallback
	}
	return n
}

// values returns the form as a map without the given names.
func (c *call) values(without ...string) map[string]string {
	values := map[string]string{}
	for key := range c.form {
		values[key] = c.form.Get(key)
	}
	for key := range c.vars {
		delete(values, key)
	}
	for _, key := range append(without, "digest") {
		delete(values, key)
	}
	return values
}

// deletions reads the parameter delete, which comes as a list or repeated.
func (c *call) deletions() []string {
	var keys []string
	for _, list := range c.form["delete"] {
		keys = append(keys, splitList(list)...)
	}
	return keys
}

const apiBase = "/api2/json"

func (s *Sim) serveHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	switch {
	case strings.HasPrefix(path, apiBase+"/"), path == apiBase:
		s.serveAPI(w, r, strings.TrimPrefix(path, apiBase))
	case strings.HasPrefix(path, "/sim/"):
		s.serveControl(w, r)
	case path == "/" && r.Method == http.MethodGet:
		s.servePage(w)
	default:
		http.NotFound(w, r)
	}
}

// Request is a recorded API request.
type Request struct {
	Time     time.Time
	Method   string
	Path     string
	Params   url.Values
	Status   int
	Reason   string
	User     string
	Duration time.Duration
}

// maxRequests bounds what a simulator that runs for days remembers.
const maxRequests = 200000

func (s *Sim) record(r Request) {
	if len(s.requests) >= maxRequests {
		s.requests = s.requests[maxRequests/2:]
	}
	s.requests = append(s.requests, r)
}

func (s *Sim) serveAPI(w http.ResponseWriter, r *http.Request, escaped string) {
	started := time.Now()
	form, err := readForm(r)
	if err != nil {
		writeError(w, &apiError{status: http.StatusBadRequest, reason: err.Error()})
		return
	}
	c := &call{Sim: s, ctx: r.Context(), form: form, http: r}
	f := s.requestFault(r.Method, escaped)
	var body []byte
	switch {
	case f != nil && !s.wait(c.ctx, f.Delay):
		err = &apiError{status: http.StatusServiceUnavailable, reason: "simulator is closing"}
	case f != nil && f.Drop:
		err = errDrop
	case f != nil && f.Status != 0:
		err = &apiError{status: f.Status, reason: f.Reason}
	default:
		body, err = s.dispatch(c, escaped)
	}
	status, reason := http.StatusOK, "OK"
	var answer *apiError
	switch {
	case errors.Is(err, errDrop):
		status, reason = 0, "connection dropped"
	case errors.As(err, &answer):
		status, reason = answer.status, answer.reason
	case err != nil:
		answer = &apiError{status: http.StatusInternalServerError, reason: err.Error()}
		status, reason = answer.status, answer.reason
	}
	took := time.Since(started)
	s.mu.Lock()
	s.record(Request{
		Time: started, Method: r.Method, Path: escaped, Params: redact(form), Status: status, Reason: reason,
		User: c.user, Duration: took,
	})
	s.mu.Unlock()
	s.log.Info("request", "method", r.Method, "path", escaped, "status", status, "reason", reason, "user", c.user, "took", took)
	switch {
	case errors.Is(err, errDrop):
		drop(w)
	case answer != nil:
		writeError(w, answer)
	default:
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.Header().Set("Server", "pve-api-daemon/3.0")
		_, _ = w.Write(body) // a client that went away is no concern of the server
	}
}

// redact hides the parameters that carry secrets from the record.
func redact(form url.Values) url.Values {
	for _, name := range []string{"password", "cipassword"} {
		if form.Has(name) {
			form.Set(name, "********")
		}
	}
	return form
}

// wait returns false when the simulator closes or the client goes away first.
func (s *Sim) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-s.ctx.Done():
		return false
	}
}

var errDrop = errors.New("connection dropped")

func drop(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close() // dropping it is the purpose
	}
}

// writeError bypasses net/http, which cannot send a reason phrase of its own.
func writeError(w http.ResponseWriter, e *apiError) {
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, e.reason, e.status)
		return
	}
	defer func() { _ = conn.Close() }()
	body := []byte(`{"data":null}`)
	if len(e.params) > 0 {
		body, err = json.Marshal(map[string]any{"data": nil, "errors": e.params})
		if err != nil {
			return
		}
	}
	reason := strings.Join(strings.Fields(e.reason), " ")
	_, _ = fmt.Fprintf(buffer, "HTTP/1.1 %d %s\r\nContent-Type: application/json;charset=UTF-8\r\nServer: pve-api-daemon/3.0\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		e.status, reason, len(body), body)
	_ = buffer.Flush() // a client that went away is no concern of the server
}

// maxFormBytes bounds a request's form; uploads are streamed and not limited by it.
const maxFormBytes = 4 << 20

func readForm(r *http.Request) (url.Values, error) {
	form := url.Values{}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	for key, values := range query {
		form[key] = values
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return nil, fmt.Errorf("content type: %w", err)
	}
	switch kind {
	case "application/x-www-form-urlencoded", "application/json":
	default:
		return form, nil
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes))
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if kind == "application/json" {
		return form, mergeJSON(form, data)
	}
	body, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	for key, values := range body {
		form[key] = append(form[key], values...)
	}
	return form, nil
}

func mergeJSON(form url.Values, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	for key, value := range object {
		switch v := value.(type) {
		case bool:
			form.Set(key, map[bool]string{true: "1", false: "0"}[v])
		case []any:
			for _, item := range v {
				form.Add(key, fmt.Sprint(item))
			}
		case float64:
			form.Set(key, strconv.FormatFloat(v, 'f', -1, 64))
		default:
			form.Set(key, fmt.Sprint(v))
		}
	}
	return nil
}

// dispatch finds the call, checks who asks and what, and runs the handler under the mutex. Handlers that
// read a body or another server run without it.
func (s *Sim) dispatch(c *call, escaped string) ([]byte, error) {
	segments, err := splitPath(escaped)
	if err != nil {
		return nil, &apiError{status: http.StatusBadRequest, reason: err.Error()}
	}
	route, vars := s.router.find(c.http.Method, segments)
	if subdirs := s.router.children(segments); route == nil && c.http.Method == http.MethodGet && len(subdirs) > 0 {
		route = index(subdirs)
	}
	if route == nil {
		return nil, &apiError{
			status: http.StatusNotImplemented,
			reason: fmt.Sprintf("Method '%s /%s' not implemented", c.http.Method, strings.Join(segments, "/")),
		}
	}
	c.vars = vars
	answer, err := s.locked(func() (any, error) {
		if !route.open {
			if c.user, err = s.authenticate(c.http); err != nil {
				return nil, err
			}
		}
		if err := s.validate(c, segments, escaped); err != nil {
			return nil, err
		}
		if node, found := vars["node"]; found && !s.hasNode(node) {
			return nil, fail("hostname lookup '%s' failed - failed to get address info for: %s: Name or service not known", node, node)
		}
		if route.slow {
			return nil, nil
		}
		return s.encode(route.handle(c))
	})
	if err == nil && route.slow {
		answer, err = s.encode(route.handle(c))
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	c.account()
	s.mu.Unlock()
	return answer.(json.RawMessage), nil
}

func (s *Sim) locked(f func() (any, error)) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f()
}

func (s *Sim) encode(data any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return json.RawMessage(encoded), nil
}

// splitPath splits the escaped path, so that a volume's "/" that came as %2F stays in its segment. Empty
// segments are dropped as pveproxy does.
func splitPath(escaped string) ([]string, error) {
	var segments []string
	for part := range strings.SplitSeq(escaped, "/") {
		if part == "" {
			continue
		}
		segment, err := url.PathUnescape(part)
		if err != nil {
			return nil, fmt.Errorf("path: %w", err)
		}
		segments = append(segments, segment)
	}
	return segments, nil
}
