package watch

import (
	"fmt"
	"math"
	"time"
)

// count writes a number with at most five characters: 9999, 12.3k, 4.56M.
func count[T int | uint64](n T) string {
	if n < 10_000 {
		return fmt.Sprint(n)
	}
	return scaled(float64(n), 1000, "", "k", "M", "G", "T", "P", "E")
}

// size writes bytes: 512 B, 1.5 KiB.
func size[T int | uint64](n T) string {
	return scaled(float64(n), 1024, " B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB")
}

// rate writes a number per second.
func rate(perSecond float64) string {
	return scaled(perSecond, 1000, "", "k", "M", "G", "T")
}

// bits writes bits per second.
func bits(perSecond float64) string {
	return scaled(perSecond, 1000, " bit/s", " kbit/s", " Mbit/s", " Gbit/s", " Tbit/s")
}

// scaled writes v with three digits and the unit in which that is shortest.
func scaled(v, step float64, units ...string) string {
	i := 0
	for ; i < len(units)-1 && v >= step*0.9995; i++ {
		v /= step
	}
	switch {
	case i == 0 && (v == math.Trunc(v) || v >= 99.95):
		return fmt.Sprintf("%.0f%s", v, units[i])
	case v >= 99.95:
		return fmt.Sprintf("%.0f%s", v, units[i])
	case v >= 9.995:
		return fmt.Sprintf("%.1f%s", v, units[i])
	}
	return fmt.Sprintf("%.2f%s", v, units[i])
}

// millis writes milliseconds: 0.21 ms, 12 ms, 1.5 s.
func millis(ms float64) string {
	switch {
	case ms == 0:
		return "-"
	case ms >= 1000:
		return fmt.Sprintf("%.3g s", ms/1000)
	}
	return fmt.Sprintf("%.3g ms", ms)
}

// age writes how long something lasts, in its two largest units.
func age(d time.Duration) string {
	d = max(0, d)
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
}
