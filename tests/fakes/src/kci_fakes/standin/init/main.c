// SPDX-License-Identifier: LGPL-2.1-or-later
const char *version(void);

int main(void)
{
	return version()[0] != 0x36;
}
