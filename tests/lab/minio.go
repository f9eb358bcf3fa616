package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const (
	stateBucket       = "pulumi-state"
	minioStartTimeout = 60 * time.Second
)

// objectStore is a MinIO server with one versioned bucket for the Pulumi state.
type objectStore struct {
	address  string
	user     string
	password string
	client   *minio.Client
	cmd      *exec.Cmd
	exited   chan struct{}
	logPath  string
}

func startMinio(ctx context.Context, program, dir, address string) (*objectStore, error) {
	password, err := randomHex()
	if err != nil {
		return nil, err
	}
	s := &objectStore{
		address: address, user: "pve-home", password: password,
		exited: make(chan struct{}), logPath: filepath.Join(dir, "minio.log"),
	}
	log, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of MinIO: %w", err)
	}
	defer func() { _ = log.Close() }()
	// Not bound to ctx: Close ends it, after the state has been written.
	s.cmd = exec.Command(program, "server", filepath.Join(dir, "minio"), "--address", address)
	s.cmd.Env = append(environment(dir), "MINIO_ROOT_USER="+s.user, "MINIO_ROOT_PASSWORD="+s.password, "MINIO_BROWSER=off", "MINIO_UPDATE=off")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	endWithParent(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start MinIO: %w", err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	if err := s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *objectStore) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, minioStartTimeout)
	defer cancel()
	client, err := minio.New(s.address, &minio.Options{Creds: credentials.NewStaticV4(s.user, s.password, ""), MaxRetries: 1})
	if err != nil {
		return fmt.Errorf("client for MinIO: %w", err)
	}
	s.client = client
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := client.ListBuckets(ctx)
		if err == nil {
			break
		}
		select {
		case <-s.exited:
			return fmt.Errorf("MinIO ended while it started: %s", s.lastLog())
		case <-ctx.Done():
			return fmt.Errorf("MinIO does not answer at %s: %w; %s", s.address, err, s.lastLog())
		case <-tick.C:
		}
	}
	if err := client.MakeBucket(ctx, stateBucket, minio.MakeBucketOptions{}); err != nil {
		return fmt.Errorf("make bucket %s: %w", stateBucket, err)
	}
	if err := client.EnableVersioning(ctx, stateBucket); err != nil {
		return fmt.Errorf("version bucket %s: %w", stateBucket, err)
	}
	return nil
}

func (s *objectStore) lastLog() string {
	log, err := os.ReadFile(s.logPath)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "; ")
}

// backendURL is what `pulumi login` takes.
func (s *objectStore) backendURL() string {
	return fmt.Sprintf("s3://%s?endpoint=http://%s&s3ForcePathStyle=true&region=us-east-1", stateBucket, s.address)
}

// Version is one version of an object.
type Version struct {
	ID           string    `json:"id"`
	LastModified time.Time `json:"lastModified"`
	SizeBytes    int64     `json:"sizeBytes"`
	Latest       bool      `json:"latest"`
}

// versions returns the versions of an object, newest first.
func (s *objectStore) versions(ctx context.Context, key string) ([]Version, error) {
	var versions []Version
	for o := range s.client.ListObjectsIter(ctx, stateBucket, minio.ListObjectsOptions{Prefix: key, WithVersions: true}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list versions of %s: %w", key, o.Err)
		}
		if o.Key == key && !o.IsDeleteMarker {
			versions = append(versions, Version{ID: o.VersionID, LastModified: o.LastModified, SizeBytes: o.Size, Latest: o.IsLatest})
		}
	}
	slices.SortStableFunc(versions, func(a, b Version) int { return b.LastModified.Compare(a.LastModified) })
	return versions, nil
}

// objects returns the content of every version of every object, by key and version.
func (s *objectStore) objects(ctx context.Context) (map[string][]byte, error) {
	contents := map[string][]byte{}
	for o := range s.client.ListObjectsIter(ctx, stateBucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list bucket %s: %w", stateBucket, o.Err)
		}
		if o.IsDeleteMarker {
			continue
		}
		object, err := s.client.GetObject(ctx, stateBucket, o.Key, minio.GetObjectOptions{VersionID: o.VersionID})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", o.Key, err)
		}
		content, err := io.ReadAll(object)
		if err := errors.Join(err, object.Close()); err != nil {
			return nil, fmt.Errorf("read %s: %w", o.Key, err)
		}
		contents[o.Key+"@"+o.VersionID] = content
	}
	return contents, nil
}

func (s *objectStore) close() {
	stop(s.cmd, s.exited)
}
