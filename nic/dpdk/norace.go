//go:build !race

package dpdk

func raceAcquire() {}
func raceRelease() {}
