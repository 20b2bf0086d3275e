package remote

import (
	"context"
	"fmt"
	"net"
	"time"

	provider "github.com/pulumi/pulumi-go-provider"
	"golang.org/x/crypto/ssh"
)

const (
	unlimited   = -1
	firstPause  = 100 * time.Millisecond
	longestWait = 15 * time.Second
)

// dial connects and logs in. A failure is tried again, after pauses that grow by half, until dialErrorLimit
// failures; a booting host refuses for a while.
func (c Connection) dial(ctx context.Context) (*ssh.Client, error) {
	config, release, err := c.config()
	if err != nil {
		return nil, err
	}
	defer release()
	limit, pause := or(c.DialErrorLimit, 10), firstPause
	for failures := 1; ; failures++ {
		client, err := c.dialOnce(ctx, config)
		if err == nil {
			return client, nil
		}
		if limit != unlimited && failures > limit {
			return nil, fmt.Errorf("no SSH to %s as %s after %d attempts: %w", c.address(), config.User, failures, err)
		}
		provider.GetLogger(ctx).InfoStatusf("SSH to %s failed (%d): trying again", c.address(), failures)
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no SSH to %s: %w (last: %w)", c.address(), ctx.Err(), err)
		case <-time.After(pause):
			pause = min(pause*3/2, longestWait)
		}
	}
}

// dialOnce holds the handshake to the time-out too: a host that accepts and says nothing must not hang an update.
func (c Connection) dialOnce(ctx context.Context, config *ssh.ClientConfig) (*ssh.Client, error) {
	dialer := net.Dialer{Timeout: c.timeout()}
	socket, err := dialer.DialContext(ctx, "tcp", c.address())
	if err != nil {
		return nil, err
	}
	if c.timeout() > 0 {
		_ = socket.SetDeadline(time.Now().Add(c.timeout()))
	}
	connection, channels, requests, err := ssh.NewClientConn(socket, c.address(), config)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	_ = socket.SetDeadline(time.Time{})
	return ssh.NewClient(connection, channels, requests), nil
}
