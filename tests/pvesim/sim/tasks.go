package sim

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	taskRunning = "running"
	taskStopped = "stopped"
	exitOK      = "OK"

	// maxTasks is the number of finished tasks that are remembered.
	maxTasks = 5000
)

// task is a worker process of a node.
type task struct {
	UPID, Node, Type, ID, User string
	PID, PStart                int
	StartUnix, EndUnix         int64
	Status, ExitStatus         string
	Log                        []string
}

func (t *task) end(exit string) {
	t.Status, t.ExitStatus, t.EndUnix = taskStopped, exit, time.Now().Unix()
	if exit == exitOK {
		t.Log = append(t.Log, "TASK OK")
	} else {
		t.Log = append(t.Log, "TASK ERROR: "+exit)
	}
}

// runningTask waits for the end of a task's duration.
type runningTask struct {
	*task
	timer *time.Timer
	work  work
}

// work is what a task does. Both functions run under the mutex.
type work struct {
	// node on which the task runs; the one of the call when empty.
	node string
	// delay is waited for in addition to the type's duration.
	delay time.Duration
	// run is applied when the task's time is over; its error is the exit status.
	run func(t *task) error
	// undo cleans up after a task that failed or was stopped; it may be nil.
	undo func()
}

// start runs w as a task and returns its UPID. Without a duration it has ended when start returns.
func (c *call) start(kind, id string, w work) string {
	if w.node == "" {
		w.node = c.vars["node"]
	}
	return c.startTask(w.node, kind, id, c.user, w)
}

func (s *Sim) startTask(node, kind, id, user string, w work) string {
	st := s.state
	st.TaskCount++
	t := &task{
		Node: node, Type: kind, ID: id, User: user, PID: os.Getpid() + st.TaskCount, PStart: st.TaskCount * 7,
		StartUnix: time.Now().Unix(), Status: taskRunning,
	}
	t.UPID = fmt.Sprintf("UPID:%s:%08X:%08X:%08X:%s:%s:%s:", t.Node, t.PID, t.PStart, t.StartUnix, t.Type, t.ID, t.User)
	if len(st.Tasks) >= maxTasks {
		st.Tasks = slices.Clone(st.Tasks[maxTasks/2:])
	}
	st.Tasks = append(st.Tasks, t)
	s.changed()
	running := &runningTask{task: t, work: w}
	duration, own := s.durations[kind]
	if !own {
		duration = s.durations[""]
	}
	if duration += w.delay; duration <= 0 {
		s.finish(running)
		return t.UPID
	}
	s.running[t.UPID] = running
	running.timer = time.AfterFunc(duration, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.running[t.UPID] == running && !s.closed {
			delete(s.running, t.UPID)
			s.finish(running)
		}
	})
	return t.UPID
}

func (s *Sim) finish(r *runningTask) {
	exit := exitOK
	if f := s.strike(FaultTask, "", r.Type+":"+r.ID); f != nil {
		if exit = f.ExitStatus; exit == "" {
			exit = "simulated failure"
		}
	} else if err := r.work.run(r.task); err != nil {
		exit = err.Error()
	}
	s.endTask(r, exit)
}

func (s *Sim) endTask(r *runningTask, exit string) {
	if exit != exitOK && r.work.undo != nil {
		r.work.undo()
	}
	r.end(exit)
	s.changed()
	s.log.Info("task", "upid", r.UPID, "exitstatus", exit)
}

func (s *Sim) findTask(node, upid string) (*task, error) {
	fields := strings.Split(upid, ":")
	if len(fields) < 8 || fields[0] != "UPID" {
		return nil, badParam("upid", "unable to parse worker upid '%s'", upid)
	}
	for _, t := range slices.Backward(s.state.Tasks) {
		if t.UPID == upid && t.Node == node {
			return t, nil
		}
	}
	return nil, fail("no such task '%s'", upid)
}

// mayReadTask is Proxmox's rule that everyone sees own tasks, and those with Sys.Audit on the node all.
func (c *call) mayReadTask(t *task) error {
	if t.User == c.user || strings.HasPrefix(t.User, c.user+"!") {
		return nil
	}
	return c.require("/nodes/"+t.Node, "Sys.Audit")
}

func (c *call) taskOf() (*task, error) {
	t, err := c.findTask(c.vars["node"], c.vars["upid"])
	if err != nil {
		return nil, err
	}
	return t, c.mayReadTask(t)
}

func taskStatus(c *call) (any, error) {
	t, err := c.taskOf()
	if err != nil {
		return nil, err
	}
	status := map[string]any{
		"upid": t.UPID, "node": t.Node, "type": t.Type, "id": t.ID, "user": t.User, "pid": t.PID,
		"pstart": t.PStart, "starttime": t.StartUnix, "status": t.Status,
	}
	if name, id, found := strings.Cut(t.User, "!"); found {
		status["user"], status["tokenid"] = name, id
	}
	if t.Status == taskStopped {
		status["exitstatus"] = t.ExitStatus
	}
	return status, nil
}

func taskLog(c *call) (any, error) {
	t, err := c.taskOf()
	if err != nil {
		return nil, err
	}
	first, limit := c.integer("start", 0), c.integer("limit", 50)
	lines := []map[string]any{}
	for i, text := range t.Log {
		if i >= first && (limit == 0 || len(lines) < limit) {
			lines = append(lines, map[string]any{"n": i + 1, "t": text})
		}
	}
	return lines, nil
}

func taskStop(c *call) (any, error) {
	t, err := c.findTask(c.vars["node"], c.vars["upid"])
	if err != nil {
		return nil, err
	}
	if t.User != c.user {
		if err := c.require("/nodes/"+t.Node, "Sys.Modify"); err != nil {
			return nil, err
		}
	}
	if r := c.running[t.UPID]; r != nil {
		r.timer.Stop()
		delete(c.running, t.UPID)
		c.endTask(r, "interrupted by signal")
	}
	return nil, nil
}

func (t *task) listed() map[string]any {
	entry := map[string]any{
		"upid": t.UPID, "node": t.Node, "type": t.Type, "id": t.ID, "user": t.User, "pid": t.PID,
		"pstart": t.PStart, "starttime": t.StartUnix,
	}
	if t.Status == taskStopped {
		entry["endtime"], entry["status"] = t.EndUnix, t.ExitStatus
	}
	return entry
}

func nodeTasks(c *call) (any, error) {
	since, until := int64(c.integer("since", 0)), int64(c.integer("until", 0))
	skip, limit := c.integer("start", 0), c.integer("limit", 50)
	source := c.param("source")
	all := c.allowed("/nodes/"+c.vars["node"], "Sys.Audit")
	list := []map[string]any{}
	for _, t := range slices.Backward(c.state.Tasks) {
		running := t.Status == taskRunning
		switch {
		case t.Node != c.vars["node"], !all && c.user != t.User:
		case source == "active" && !running, (source == "" || source == "archive") && running:
		case c.has("vmid") && t.ID != c.param("vmid"):
		case c.has("typefilter") && t.Type != c.param("typefilter"):
		case c.has("userfilter") && !strings.Contains(t.User, c.param("userfilter")):
		case c.boolean("errors") && (running || t.ExitStatus == exitOK):
		case t.StartUnix < since, until != 0 && t.StartUnix > until:
		case skip > 0:
			skip--
		case len(list) < limit:
			if c.user != t.User {
				c.use("Sys.Audit")
			}
			list = append(list, t.listed())
		}
	}
	return list, nil
}

func clusterTasks(c *call) (any, error) {
	list := []map[string]any{}
	for _, t := range slices.Backward(c.state.Tasks) {
		if len(list) < 25 && (t.User == c.user || c.allowed("/nodes/"+t.Node, "Sys.Audit")) {
			list = append(list, t.listed())
		}
	}
	return list, nil
}

// Task is a worker process as a test sees it.
type Task struct {
	UPID, Node, Type, ID, User string
	Status, ExitStatus         string
	Started, Ended             time.Time
}

// Tasks returns all remembered tasks, oldest first.
func (s *Sim) Tasks() []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	tasks := make([]Task, 0, len(s.state.Tasks))
	for _, t := range s.state.Tasks {
		public := Task{
			UPID: t.UPID, Node: t.Node, Type: t.Type, ID: t.ID, User: t.User, Status: t.Status,
			ExitStatus: t.ExitStatus, Started: time.Unix(t.StartUnix, 0),
		}
		if t.EndUnix != 0 {
			public.Ended = time.Unix(t.EndUnix, 0)
		}
		tasks = append(tasks, public)
	}
	return tasks
}

func vmidText(vmid int) string { return strconv.Itoa(vmid) }
