/** The most common passwords of at least ten characters in published lists. Lower case. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `1234567890 0123456789 0987654321 1111111111 0000000000 1212121212 1234554321 1122334455 12345678910 123456789a
   12345678901 123456123456 123123123123 987654321a 9876543210 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc zaq12wsxcde3
   qwertyuiop qwerty12345 qwerty1234 qwerty123456 qwertyuiop123 qwertyui123 asdfghjkl1 asdfghjkl123 zxcvbnm123 abcdefghij
   abcd123456 abc1234567 a123456789 aa12345678 aaaaaaaaaa password01 password12 password123 password1234 password12345
   passw0rd123 p@ssw0rd123 p@ssword123 passwordpassword mypassword mypassword1 iloveyou12 iloveyou123 iloveyou1234
   welcome123 welcome1234 letmein123 letmein1234 admin12345 admin123456 administrator changeme123 secret1234 football123
   basketball baseball123 superman123 starwars123 michelle123 charlie123 princess123 sunshine123 monkey1234 dragon1234
   liverpool1 liverpool123 chocolate1 chocolate123 computer123 internet123 google1234 facebook123 samsung123 testtest123
   test123456 testing123 trustno1trustno1 correcthorsebatterystaple unknown123 whatever123 nothing123 q1w2e3r4t5 q1w2e3r4t5y6
   123qweasdzxc qweasdzxc123 1234qwerasdf qazwsxedcrfv 147258369a 1472583690 741852963a 789456123a 5555555555 6666666666
   7777777777 8888888888 9999999999 2222222222 3333333333 4444444444`.split(/\s+/),
);
