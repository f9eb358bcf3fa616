// Command fakenode stands in for the commands of a Proxmox VE node: it runs as pveum, pvesm, pvesh,
// pveversion or id, asks a simulated cluster over its API, and writes down how it was called.
package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The environment that a test sets.
const (
	endpointVariable = "FAKE_NODE_ENDPOINT"
	passwordVariable = "FAKE_NODE_PASSWORD"
	logVariable      = "FAKE_NODE_LOG"
	userVariable     = "FAKE_NODE_UID"
	versionVariable  = "FAKE_NODE_VERSION"
)

const requestTimeout = 30 * time.Second

func main() {
	command := filepath.Base(os.Args[0])
	if err := run(command, os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, command+":", err)
		os.Exit(255)
	}
}

func run(command string, args []string) error {
	switch command {
	case "id":
		fmt.Println(os.Getenv(userVariable))
		return nil
	case "pveversion":
		fmt.Printf("pve-manager/%s/5e2f51a4d3f8a7c1 (running kernel: 6.8.12-15-pve)\n", os.Getenv(versionVariable))
		return nil
	}
	line := strings.Join(append([]string{command}, args...), " ")
	if err := record(line); err != nil {
		return err
	}
	words, form := split(args)
	call, ok := calls[command+" "+verb(words)]
	if !ok {
		return fmt.Errorf("%s is not simulated", line)
	}
	form.Del("output-format")
	method, path := call(words, form)
	answer, err := ask(method, path, form)
	if err != nil {
		return err
	}
	if string(answer) != "null" {
		fmt.Println(string(answer))
	}
	return nil
}

// calls translates commands into calls of the API, as the real ones do.
var calls = map[string]func(words []string, form url.Values) (method, path string){
	"pvesh get": func(w []string, _ url.Values) (string, string) { return http.MethodGet, w[1] },
	"pvesm set": func(w []string, _ url.Values) (string, string) { return http.MethodPut, "/storage/" + w[1] },
	"pveum role add": func(w []string, f url.Values) (string, string) {
		f.Set("roleid", w[2])
		return http.MethodPost, "/access/roles"
	},
	"pveum role modify": func(w []string, _ url.Values) (string, string) { return http.MethodPut, "/access/roles/" + w[2] },
	"pveum role delete": func(w []string, _ url.Values) (string, string) { return http.MethodDelete, "/access/roles/" + w[2] },
	"pveum user add": func(w []string, f url.Values) (string, string) {
		f.Set("userid", w[2])
		return http.MethodPost, "/access/users"
	},
	"pveum user delete": func(w []string, _ url.Values) (string, string) { return http.MethodDelete, "/access/users/" + w[2] },
	"pveum acl modify":  acl,
	"pveum acl delete": func(w []string, f url.Values) (string, string) {
		f.Set("delete", "1")
		return acl(w, f)
	},
	"pveum user token add": func(w []string, _ url.Values) (string, string) {
		return http.MethodPost, "/access/users/" + w[3] + "/token/" + w[4]
	},
	"pveum user token remove": func(w []string, _ url.Values) (string, string) {
		return http.MethodDelete, "/access/users/" + w[3] + "/token/" + w[4]
	},
}

func acl(w []string, f url.Values) (string, string) {
	f.Set("path", w[2])
	return http.MethodPut, "/access/acl"
}

// verb is how a command begins: `role add`, `user token add`, `get`.
func verb(words []string) string {
	for n := 3; n > 0; n-- {
		if len(words) < n {
			continue
		}
		name := strings.Join(words[:n], " ")
		for call := range calls {
			if strings.HasSuffix(call, " "+name) && strings.Count(call, " ") == n {
				return name
			}
		}
	}
	return ""
}

func split(args []string) ([]string, url.Values) {
	var words []string
	form := url.Values{}
	for i := 0; i < len(args); i++ {
		name, isOption := strings.CutPrefix(args[i], "--")
		if !isOption || i+1 == len(args) {
			words = append(words, args[i])
			continue
		}
		i++
		form.Set(name, args[i])
	}
	return words, form
}

func record(line string) error {
	log, err := os.OpenFile(os.Getenv(logVariable), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	_, err = fmt.Fprintln(log, line)
	return errors.Join(err, log.Close())
}

// ask logs in as root, who needs no privileges, and makes one call.
func ask(method, path string, form url.Values) (json.RawMessage, error) {
	var login struct {
		Ticket string `json:"ticket"`
		CSRF   string `json:"CSRFPreventionToken"`
	}
	credentials := url.Values{"username": {"root@pam"}, "password": {os.Getenv(passwordVariable)}}
	answer, err := send(http.MethodPost, "/access/ticket", credentials, nil)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(answer, &login); err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	return send(method, path, form, http.Header{
		"Cookie": {"PVEAuthCookie=" + url.QueryEscape(login.Ticket)}, "CSRFPreventionToken": {login.CSRF},
	})
}

func send(method, path string, form url.Values, header http.Header) (json.RawMessage, error) {
	target, body := os.Getenv(endpointVariable)+"api2/json"+path, form.Encode()
	if method == http.MethodGet || method == http.MethodDelete {
		if body != "" {
			target += "?" + body
		}
		body = ""
	}
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{Timeout: requestTimeout, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // the simulator
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s", resp.Status, text)
	}
	var answered struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &answered); err != nil {
		return nil, err
	}
	return answered.Data, nil
}
