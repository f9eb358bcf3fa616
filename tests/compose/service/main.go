// Command service is the image of the tests: it serves the file that it mounts, and does what the
// file's first word says: fail, unhealthy, slow, or anything else to work.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	address   = ":8080"
	slowStart = 2 * time.Second
)

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == "health" {
		err = health()
	} else {
		err = serve()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func serve() error {
	file := os.Getenv("FILE")
	content, err := os.ReadFile(file)
	if err != nil && file != "" {
		return err
	}
	word, _, _ := strings.Cut(strings.TrimSpace(string(content)), " ")
	started := time.Now()
	if word == "fail" {
		return fmt.Errorf("cannot understand %q", content)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if word == "unhealthy" || word == "slow" && time.Since(started) < slowStart {
			fmt.Println("not healthy: " + word)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	// Any other path is read below the mount, at the time of the request.
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		name := file
		if r.URL.Path != "/" {
			name = filepath.Join(filepath.Dir(file), r.URL.Path)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		_, _ = w.Write(content)
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Second}
	fmt.Println("serving", file)
	return server.ListenAndServe()
}

func health() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", address[1:])+"/health", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answers %s", response.Status)
	}
	return nil
}
