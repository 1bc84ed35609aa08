#include <parloir.h>

int answer = ;
