package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// downloadTimeout bounds a request for a URL of a loopback host.
const downloadTimeout = 30 * time.Second

// urlMetadata asks what is behind a URL. Only URLs of Options.Downloads and of loopback hosts are reached.
func (s *Sim) urlMetadata(ctx context.Context, address string, verify bool) (filename, mimetype string, sizeBytes int64, err error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return "", "", 0, badParam("url", "invalid URL")
	}
	if size, known := s.opts.Downloads[address]; known {
		return path.Base(parsed.Path), "application/octet-stream", size, nil
	}
	if ip := net.ParseIP(parsed.Hostname()); (ip == nil || !ip.IsLoopback()) && parsed.Hostname() != "localhost" {
		return "", "", 0, fail("invalid server response: '500 Can't connect to %s (the simulator reaches loopback addresses only)'", parsed.Host)
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return "", "", 0, badParam("url", "%s", err)
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: !verify}, //nolint:gosec // as verify-certificates=0 asks for
	}}
	response, err := client.Do(request)
	if err != nil {
		return "", "", 0, fail("invalid server response: '500 %s'", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return "", "", 0, fail("invalid server response: '%s'", response.Status)
	}
	return path.Base(parsed.Path), response.Header.Get("Content-Type"), response.ContentLength, nil
}

func (c *call) verifies() bool {
	return !c.has("verify-certificates") || c.boolean("verify-certificates")
}

func queryURL(c *call) (any, error) {
	filename, mimetype, size, err := c.urlMetadata(c.ctx, c.form.Get("url"), c.verifies())
	if err != nil {
		return nil, err
	}
	return map[string]any{"filename": filename, "mimetype": mimetype, "size": size}, nil
}

// checkNewFile says whether a storage takes a file, and under which name.
func (c *call) checkNewFile(content, filename string) (*storage, error) {
	def, err := c.storageOf("")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(def.Content, content) {
		return nil, fail("can't upload to storage '%s', storage does not support '%s' content", def.ID, content)
	}
	if filename == "" || strings.ContainsAny(filename, "/\\") {
		return nil, badParam("filename", "wrong file extension")
	}
	allowed := map[string][]string{"iso": {".iso", ".img"}, "vztmpl": {".tar.gz", ".tar.xz", ".tar.zst"}, "import": {".ova", ".qcow2", ".raw", ".vmdk"}}[content]
	if !slices.ContainsFunc(allowed, func(suffix string) bool { return strings.HasSuffix(filename, suffix) }) {
		return nil, badParam("filename", "wrong file extension")
	}
	return def, nil
}

// downloadURL fetches a file in a task.
func downloadURL(c *call) (any, error) {
	_, _, size, failure := c.urlMetadata(c.ctx, c.form.Get("url"), c.verifies())
	return c.locked(func() (any, error) {
		content, filename, node := c.param("content"), c.param("filename"), c.vars["node"]
		def, err := c.checkNewFile(content, filename)
		if err != nil {
			return nil, err
		}
		if c.state.volume(node, def.ID+":"+content+"/"+filename) != nil {
			return nil, fail("refusing to override existing file '%s'", filename)
		}
		return c.start("download", filename, work{run: func(t *task) error {
			if failure != nil {
				return fail("download failed: %s", failure)
			}
			t.Log = append(t.Log, fmt.Sprintf("downloading %s to %s/%s", c.form.Get("url"), def.Path, filename))
			c.state.writeFile(node, def, content, filename, nil).SizeBytes = size
			return nil
		}}), nil
	})
}

// upload takes a multipart form; only its size is kept.
func upload(c *call) (any, error) {
	reader, err := c.http.MultipartReader()
	if err != nil {
		return nil, &apiError{status: http.StatusBadRequest, reason: "upload: " + err.Error()}
	}
	fields := map[string]string{}
	var size int64
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, &apiError{status: http.StatusBadRequest, reason: "upload: " + err.Error()}
		}
		if part.FileName() == "" {
			value, err := io.ReadAll(io.LimitReader(part, maxFormBytes))
			if err != nil {
				return nil, &apiError{status: http.StatusBadRequest, reason: "upload: " + err.Error()}
			}
			fields[part.FormName()] = string(value)
			continue
		}
		fields["filename"] = part.FileName()
		if size, err = io.Copy(io.Discard, part); err != nil {
			return nil, &apiError{status: http.StatusBadRequest, reason: "upload: " + err.Error()}
		}
	}
	return c.locked(func() (any, error) {
		def, err := c.checkNewFile(fields["content"], fields["filename"])
		if err != nil {
			return nil, err
		}
		return c.start("imgcopy", "", work{run: func(*task) error {
			c.state.writeFile(c.vars["node"], def, fields["content"], fields["filename"], nil).SizeBytes = size
			return nil
		}}), nil
	})
}

// containerTemplates is the appliance index: the templates that the storages have.
func containerTemplates(c *call) (any, error) {
	list := []map[string]any{}
	for _, file := range c.opts.ContainerTemplates {
		list = append(list, map[string]any{"template": file, "type": "lxc", "section": "system", "os": "debian-13", "headline": file, "location": "http://download.proxmox.com/images/system/" + file})
	}
	return list, nil
}
