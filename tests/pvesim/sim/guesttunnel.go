package sim

import (
	"bufio"
	"io"
	"net/http"
	"strings"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/pve-home/pve-home/tests/pvesim/docker"
)

// tunnelRequest is the payload of a direct-tcpip channel (RFC 4254, section 7.2).
type tunnelRequest struct {
	Host       string
	Port       uint32
	OriginHost string
	OriginPort uint32
}

// tunnel answers HTTP in a direct-tcpip channel for the service that listens on the port.
func (h *guestShell) tunnel(_ *ssh.Server, _ *gossh.ServerConn, request gossh.NewChannel, _ ssh.Context) {
	var target tunnelRequest
	if err := gossh.Unmarshal(request.ExtraData(), &target); err != nil {
		_ = request.Reject(gossh.ConnectionFailed, "error parsing forward data: "+err.Error()) // the client may have gone
		return
	}
	local := target.Host == "localhost" || target.Host == "::1" || strings.HasPrefix(target.Host, "127.") || target.Host == h.login.Address.String()
	if _, listens := h.listener(target.Port); !local || !listens {
		_ = request.Reject(gossh.ConnectionFailed, "Connection refused") // the client may have gone
		return
	}
	channel, requests, err := request.Accept()
	if err != nil {
		return // the client has gone
	}
	go gossh.DiscardRequests(requests)
	h.answerHTTP(channel, target.Port)
	_ = channel.Close() // the conversation is over
}

// listener finds the answer of the service that listens on a port.
func (h *guestShell) listener(port uint32) (docker.Answer, bool) {
	h.sim.mu.Lock()
	defer h.sim.mu.Unlock()
	if port > 65535 {
		return docker.Answer{}, false
	}
	container := h.disk.Docker.Listener(uint16(port))
	if container == nil {
		return docker.Answer{}, false
	}
	return container.Answer, true
}

func (h *guestShell) answerHTTP(channel io.ReadWriter, port uint32) {
	reader := bufio.NewReader(channel)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return // the end of the conversation, or no HTTP
		}
		answer, listens := h.listener(port)
		if _, err := io.Copy(io.Discard, request.Body); err != nil || !listens {
			return
		}
		response := http.Response{
			StatusCode: answer.Status, ProtoMajor: 1, ProtoMinor: 1, Request: request, Header: http.Header{"Content-Type": {"text/plain"}},
			Body: io.NopCloser(strings.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)), Close: request.Close,
		}
		if err := response.Write(channel); err != nil || request.Close {
			return
		}
	}
}
