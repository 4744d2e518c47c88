//go:build !race

package main

// raceDetector reports whether this test runs with the race detector.
const raceDetector = false
