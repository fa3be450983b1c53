// Words that say nothing about which tool is meant: function words of English, and the phrases in which people ask for
// something. Both are left out of questions only; a question of nothing else keeps all of its words.

const FUNCTION_WORDS = `
a about above after again against all also am an and any are as at be because been before being below between both but
by could did do does doing down during each few for from further had has have having he her here hers herself him
himself his how i if in into is it its itself just me more most my myself no nor not now of off on once only or other
our ours ourselves out over own same she should so some such than that the their theirs them themselves then there
these they this those through to too under until up very was we were what when where which while who whom whose why
will with within without would you your yours yourself yourselves im ive id ill youre dont doesnt didnt cant couldnt
wont isnt arent wasnt were lets thats theres whats etc via per upon
`;

const REQUEST_WORDS = `
can may might must shall please kindly help helps helping want wants wanted wanting wish wishes need needs needed
needing like likes liked looking look looks find finds finding show shows showing tell tells telling give gives giving
provide provides providing let know hi hello hey thanks thank assist assistance able use uses using used tool tools
something someone anything trying try recommend suggest interested curious wondering possible ask asking let lets
`;

const listed = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Words of a question that are not searched for, in lower case without apostrophes. */
export const STOP_WORDS: ReadonlySet<string> = new Set([...listed(FUNCTION_WORDS), ...listed(REQUEST_WORDS)]);
