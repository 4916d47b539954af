#include <usrsctp.h>

#define cause_of(error) (error)
