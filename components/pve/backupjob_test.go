package pve

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// serve answers "METHOD path" with a status and a body, and records what was sent.
func serve(t *testing.T, answers map[string]string) (*Client, *[]string) {
	t.Helper()
	var sent []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.NoError(t, r.ParseForm())
		call := r.Method + " " + r.URL.EscapedPath()[len("/api2/json"):]
		sent = append(sent, call+" "+r.PostForm.Encode())
		var status int
		var body string
		_, err := fmt.Sscanf(answers[call], "%d %s", &status, &body)
		require.NoError(t, err, call)
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return NewClient(server.URL, "a@b!c=d", false), &sent
}

func TestBackupJobRequests(t *testing.T) {
	c, sent := serve(t, map[string]string{
		"GET /cluster/backup":            `200 {"data":[{"id":"a"},{"id":"a%2Fb"}]}`,
		"GET /cluster/backup/a":          `200 {"data":{"schedule":"02:30"}}`,
		"POST /cluster/backup":           `200 {"data":null}`,
		"PUT /cluster/backup/a":          `200 {"data":null}`,
		"DELETE /cluster/backup/a%2F..b": `200 {"data":null}`,
	})
	job, err := c.BackupJob(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"schedule": "02:30"}, job)
	_, err = c.BackupJob(t.Context(), "aa")
	require.ErrorIs(t, err, ErrNoBackupJob)
	*sent = nil
	options := url.Values{"exclude-path": {"/a", "/b"}}
	require.NoError(t, c.CreateBackupJob(t.Context(), "a", options))
	require.NoError(t, c.UpdateBackupJob(t.Context(), "a", options, "comment", "node"))
	require.NoError(t, c.UpdateBackupJob(t.Context(), "a", options))
	require.NoError(t, c.DeleteBackupJob(t.Context(), "a/..b"))
	require.Equal(t, []string{
		"POST /cluster/backup exclude-path=%2Fa&exclude-path=%2Fb&id=a",
		"PUT /cluster/backup/a delete=comment%2Cnode&exclude-path=%2Fa&exclude-path=%2Fb",
		"PUT /cluster/backup/a exclude-path=%2Fa&exclude-path=%2Fb",
		"DELETE /cluster/backup/a%2F..b ",
	}, *sent)
	require.Equal(t, url.Values{"exclude-path": {"/a", "/b"}}, options, "the caller's options are left as they are")
}

func TestDeleteOfAJobThatIsGone(t *testing.T) {
	c, _ := serve(t, map[string]string{"DELETE /cluster/backup/a": `400 {"data":null}`, "GET /cluster/backup": `200 {"data":[]}`})
	require.NoError(t, c.DeleteBackupJob(t.Context(), "a"))
	c, _ = serve(t, map[string]string{"DELETE /cluster/backup/a": `500 {"data":null}`, "GET /cluster/backup": `500 {}`})
	require.ErrorContains(t, c.DeleteBackupJob(t.Context(), "a"), "DELETE /cluster/backup/a: HTTP 500")
}

func TestErrorNamesTheFields(t *testing.T) {
	c, _ := serve(t, map[string]string{"POST /cluster/backup": `400 {"data":null,"errors":{"schedule":"bad\n","mode":7}}`})
	err := c.CreateBackupJob(t.Context(), "a", nil)
	require.EqualError(t, err, "create backup job a: POST /cluster/backup: HTTP 400 Bad Request; mode: 7; schedule: bad")
	var refused *Error
	require.True(t, errors.As(err, &refused))
	require.Equal(t, map[string]string{"mode": "7", "schedule": "bad"}, refused.Fields)
	c, _ = serve(t, map[string]string{"POST /cluster/backup": `502 <html>`})
	require.EqualError(t, c.CreateBackupJob(t.Context(), "a", nil), "create backup job a: POST /cluster/backup: HTTP 502 Bad Gateway")
}
