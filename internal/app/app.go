// Package app wires quell together: the daemon, the worker, and everything on one machine.
package app
