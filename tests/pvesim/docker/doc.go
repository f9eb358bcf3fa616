// Package docker simulates Docker Engine with Compose on a simulated guest: projects are read by compose-go from the
// guest's own files, and containers are entries with a state. No image is pulled and nothing is executed. How a
// service behaves once it starts is said by a Behavior.
//
// Messages, exit statuses and the rules when a container is recreated are those of Docker Compose v2.40.
package docker
