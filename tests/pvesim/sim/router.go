package sim

import (
	"strings"
)

// route is an API call that the simulator knows.
type route struct {
	handle func(*call) (any, error)
	// open calls need no authentication.
	open bool
	// slow handlers run without the mutex and lock for themselves.
	slow bool
}

// router finds routes by method and path segments. "{name}" in a pattern matches any segment, fixed segments
// win over it.
type router struct{ root *routeNode }

type routeNode struct {
	fixed    map[string]*routeNode
	wildcard *routeNode
	name     string
	methods  map[string]*route
}

func newRouter(routes map[string]route) *router {
	r := &router{root: &routeNode{}}
	for pattern, rt := range routes {
		method, path, _ := strings.Cut(pattern, " ")
		node := r.root
		for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
			if segment != "" {
				node = node.child(segment)
			}
		}
		if node.methods == nil {
			node.methods = map[string]*route{}
		}
		node.methods[method] = &rt
	}
	return r
}

func (n *routeNode) child(segment string) *routeNode {
	if strings.HasPrefix(segment, "{") {
		if n.wildcard == nil {
			n.wildcard = &routeNode{name: strings.Trim(segment, "{}")}
		}
		return n.wildcard
	}
	if n.fixed == nil {
		n.fixed = map[string]*routeNode{}
	}
	if n.fixed[segment] == nil {
		n.fixed[segment] = &routeNode{}
	}
	return n.fixed[segment]
}

func (r *router) find(method string, segments []string) (*route, map[string]string) {
	node, vars := r.walk(segments)
	if node == nil {
		return nil, nil
	}
	return node.methods[method], vars
}

func (r *router) walk(segments []string) (*routeNode, map[string]string) {
	vars := map[string]string{}
	node := r.root
	for _, segment := range segments {
		switch {
		case node.fixed[segment] != nil:
			node = node.fixed[segment]
		case node.wildcard != nil:
			node = node.wildcard
			vars[node.name] = segment
		default:
			return nil, nil
		}
	}
	return node, vars
}

// children names what lies below a path: Proxmox VE's directory indexes.
func (r *router) children(segments []string) []string {
	node, _ := r.walk(segments)
	if node == nil {
		return nil
	}
	return sortedKeys(node.fixed)
}

func index(subdirs []string) *route {
	return &route{handle: func(*call) (any, error) {
		list := []map[string]string{}
		for _, name := range subdirs {
			list = append(list, map[string]string{"subdir": name, "name": name})
		}
		return list, nil
	}}
}
