package main

import (
	"errors"
	"os/exec"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// RunPlugin compiles and runs a plugin that Pulumi.yaml names by a folder of sources, until the
// engine hangs up.
func (*host) RunPlugin(req *pulumirpc.RunPluginRequest, stream grpc.ServerStreamingServer[pulumirpc.RunPluginResponse]) error {
	program, remove, err := compile(stream.Context(), req.GetInfo().GetProgramDirectory())
	if err != nil {
		return err
	}
	defer remove()
	var one sync.Mutex // a stream takes one message at a time
	send := func(r *pulumirpc.RunPluginResponse) error {
		one.Lock()
		defer one.Unlock()
		return stream.Send(r)
	}
	run := exec.CommandContext(stream.Context(), program, req.GetArgs()...)
	run.Dir, run.Env = req.GetPwd(), req.GetEnv()
	run.Stdout = output(func(p []byte) error {
		return send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Stdout{Stdout: p}})
	})
	run.Stderr = output(func(p []byte) error {
		return send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Stderr{Stderr: p}})
	})
	err = run.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	code := int32(run.ProcessState.ExitCode()) // #nosec G115 -- an exit code
	return send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: code}})
}

type output func([]byte) error

func (send output) Write(p []byte) (int, error) { return len(p), send(p) }
