/* What the peer uses of usrsctp's API, on the kernel's sockets. */
#include <netinet/in.h>
#include <netinet/sctp.h>

/* Fields that usrsctp gives other names. */
#define ssfe_error ssf_error
#define shmac_number_of_idents shmac_num_idents

enum { SCTP_DATA = 0 }; /* the chunk */

/* In RFC 6458 and here sre_error is in network byte order. */
#define cause_of(error) ntohs(error)

struct socket;

struct socket *usrsctp_socket(int domain, int type, int protocol, void *, void *, int, void *);
void usrsctp_close(struct socket *so);
int usrsctp_bindx(struct socket *so, struct sockaddr *addrs, int n, int how);
int usrsctp_listen(struct socket *so, int backlog);
struct socket *usrsctp_accept(struct socket *so, struct sockaddr *from, socklen_t *n);
int usrsctp_connectx(struct socket *so, struct sockaddr *addrs, int n, sctp_assoc_t *id); /* waits for nobody */
int usrsctp_shutdown(struct socket *so, int how);
ssize_t usrsctp_sendv(struct socket *so, const void *p, size_t n, struct sockaddr *to, int tos,
	void *info, socklen_t info_len, unsigned type, int flags);
ssize_t usrsctp_recvv(struct socket *so, void *p, size_t n, struct sockaddr *from, socklen_t *from_len,
	void *info, socklen_t *info_len, unsigned *type, int *flags);
int usrsctp_setsockopt(struct socket *so, int level, int name, const void *value, socklen_t n);
int usrsctp_getsockopt(struct socket *so, int level, int name, void *value, socklen_t *n);
int usrsctp_getpaddrs(struct socket *so, sctp_assoc_t id, struct sockaddr **list);
void usrsctp_freepaddrs(struct sockaddr *list);
