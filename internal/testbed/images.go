package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dockerfile is where the images are described.
const dockerfile = "docker/Dockerfile"

// registryPatience is how long the registry may take to say whether it has the builder.
const registryPatience = 20 * time.Second

// builders matches the Dockerfile's arguments that say what it is built in.
var (
	builderArg  = regexp.MustCompile(`(?m)^ARG BUILDER=(\S+)$`)
	packagesArg = regexp.MustCompile(`(?m)^ARG PACKAGES="([^"]+)"$`)
)

// buildImages makes the images of the nodes.
func (e *docker) buildImages(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(e.root, dockerfile))
	if err != nil {
		return err
	}
	builder, packages := builderArg.FindSubmatch(text), packagesArg.FindSubmatch(text)
	if builder == nil || packages == nil {
		return fmt.Errorf("%s has no ARG BUILDER and PACKAGES", dockerfile)
	}
	build := e.buildHere
	if !e.hasImage(ctx, string(builder[1])) {
		e.say("no registry answers for %s: making a builder with debootstrap", builder[1])
		if err := e.makeBuilder(ctx, strings.ReplaceAll(string(packages[1]), " ", ",")); err != nil {
			return fmt.Errorf("docker: %w: no builder can be had: %w", errUnavailable, err)
		}
		build = e.buildOffline
	}
	e.say("building the images")
	for _, target := range []string{"peer", "plain", "trunkline"} {
		if err := build(ctx, target); err != nil {
			return err
		}
		e.undo("image", "rm", e.image(target))
	}
	size, err := e.run(ctx, "image", "inspect", "-f", "{{.Size}}", e.image("trunkline"))
	if err != nil {
		return err
	}
	e.size, err = strconv.ParseInt(size, 10, 64)
	return err
}

// hasImage is whether an image is here or can be had.
func (e *docker) hasImage(ctx context.Context, name string) bool {
	if _, err := e.run(ctx, "image", "inspect", name); err == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	_, err := e.run(ctx, "manifest", "inspect", name)
	return err == nil
}

// buildHere builds as anybody does, with modules and packages from the network.
func (e *docker) buildHere(ctx context.Context, target string) error {
	_, err := e.run(ctx, "build", "-q", "-f", filepath.Join(e.root, dockerfile), "--target", target, "-t", e.image(target), e.root)
	return err
}

// builderImage is the builder that makeBuilder makes.
func (e *docker) builderImage() string { return e.image("builder") }

// makeBuilder imports this machine's release of Debian, with packages, and this machine's Go.
func (e *docker) makeBuilder(ctx context.Context, packages string) error {
	if os.Geteuid() != 0 {
		return errors.New("debootstrap needs root; or have docker reach a registry")
	}
	if _, err := exec.LookPath("debootstrap"); err != nil {
		return errors.New("there is no debootstrap; apt-get install debootstrap")
	}
	dir, err := os.MkdirTemp("", "trunkline-base-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	suite, err := command(ctx, "sh", "-c", ". /etc/os-release; echo $VERSION_CODENAME")
	if err != nil {
		return err
	}
	bootstrap := exec.CommandContext(ctx, "debootstrap", append([]string{"--variant=minbase", "--include=" + packages, suite, dir}, mirror(ctx)...)...)
	bootstrap.Env = append(os.Environ(), proxy(ctx)...)
	if _, err := runCommand(bootstrap); err != nil {
		return err
	}
	goroot, err := command(ctx, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	const script = `tar -c -C "$0" . | docker import --change "ENV PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin" - "$1"`
	if err := os.MkdirAll(filepath.Join(dir, "usr/local"), 0o755); err != nil {
		return err
	}
	if _, err := command(ctx, "cp", "-a", goroot, filepath.Join(dir, "usr/local/go")); err != nil {
		return err
	}
	load := exec.CommandContext(ctx, "sh", "-c", script, dir, e.builderImage())
	load.Env = e.env
	_, err = runCommand(load)
	e.undo("image", "rm", e.builderImage())
	return err
}

// mirror is where this machine's apt gets Debian from, if it says so.
func mirror(ctx context.Context) []string {
	out, err := command(ctx, "apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Label: Debian", "Component: main")
	if site, _, _ := strings.Cut(out, "\n"); err == nil && site != "" {
		return []string{site}
	}
	return nil
}

// proxy is the proxy of this machine's apt, as other programs take it.
func proxy(ctx context.Context) []string {
	out, err := command(ctx, "apt-config", "shell", "proxy", "Acquire::http::Proxy")
	if value, ok := strings.CutPrefix(out, "proxy='"); err == nil && ok {
		return []string{"http_proxy=" + strings.TrimSuffix(value, "'")}
	}
	return nil
}

// buildOffline builds in makeBuilder's image, with the modules of this machine, and so needs no
// network.
func (e *docker) buildOffline(ctx context.Context, target string) error {
	dir, err := os.MkdirTemp("", "trunkline-vendor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	vendor := exec.CommandContext(ctx, "go", "mod", "vendor", "-o", filepath.Join(dir, "vendor"))
	vendor.Dir = e.root
	if _, err := runCommand(vendor); err != nil {
		return err
	}
	const script = `tar -c -C "$0" --exclude=./.git --exclude=./bin . -C "$1" vendor |
docker build -q --network none --build-arg BUILDER="$2" --target "$3" -t "$4" -f ` + dockerfile + ` -`
	build := exec.CommandContext(ctx, "sh", "-c", script, e.root, dir, e.builderImage(), target, e.image(target))
	build.Env = append(e.env, "DOCKER_BUILDKIT=0") // the older builder is in every engine
	_, err = runCommand(build)
	return err
}
