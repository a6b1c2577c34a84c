### نصوص الصفحات: قصيرة وهادئة ولطيفة.
### Not yet reviewed by a professional translator.

## Everywhere

loading = لحظة من فضلك
loading-hint = جارٍ التحضير…
one-moment = لحظة من فضلك
one-moment-hint = نحاول الوصول إلى العيادة. لا حاجة إلى فعل أي شيء، فهذه الصفحة تواصل المحاولة.
try-again = حاول مرة أخرى
done = تم
cancel = إلغاء
languages = اللغات
phone-help = يمكنك أيضًا الاتصال بالرقم:
minutes = { $minutes ->
    [0] الآن
    [one] دقيقة واحدة
    [two] دقيقتان
    [few] { $minutes } دقائق
    [many] { $minutes } دقيقة
   *[other] { $minutes } دقيقة
}

## Camera and microphone

devices = الكاميرا والميكروفون
devices-unsupported = لا يستطيع هذا التطبيق استخدام الكاميرا أو الميكروفون. افتح هذه الصفحة في Safari أو Chrome أو Firefox أو Edge.
self-view = صورتك
camera = الكاميرا
camera-none = الكاميرا متوقفة
camera-asking = يطلب المتصفح استخدام الكاميرا. اختر «سماح» من فضلك.
camera-idle = الكاميرا متوقفة.
camera-off = الكاميرا متوقفة.
camera-turn-on = تشغيل الكاميرا
camera-turn-off = إيقاف الكاميرا
camera-blocked = الكاميرا محظورة. اضغط على علامة الكاميرا بجانب عنوان الصفحة واسمح بها، ثم حاول مرة أخرى.
camera-blocked_by_system = جهازك لا يسمح لهذا المتصفح باستخدام الكاميرا. اسمح بذلك في إعدادات الخصوصية، ثم حاول مرة أخرى.
camera-in_use = تطبيق آخر يستخدم الكاميرا. أغلق ذلك التطبيق، ثم حاول مرة أخرى.
camera-absent = لم نجد كاميرا. يمكنك المتابعة بالصوت فقط.
microphone = الميكروفون
microphone-asking = يطلب المتصفح استخدام الميكروفون. اختر «سماح» من فضلك.
microphone-idle = الميكروفون متوقف.
microphone-off = الميكروفون متوقف.
microphone-turn-on = تشغيل الميكروفون
microphone-blocked = الميكروفون محظور. اضغط على علامة الميكروفون بجانب عنوان الصفحة واسمح به، ثم حاول مرة أخرى.
microphone-blocked_by_system = جهازك لا يسمح لهذا المتصفح باستخدام الميكروفون. اسمح بذلك في إعدادات الخصوصية، ثم حاول مرة أخرى.
microphone-in_use = تطبيق آخر يستخدم الميكروفون. أغلق ذلك التطبيق، ثم حاول مرة أخرى.
microphone-absent = لم نجد ميكروفونًا. ما زال بإمكانك رؤية الآخرين وسماعهم.
microphone-level = مدى ارتفاع صوتك في الميكروفون

## The door of a clinic

unknown-title = لم نجد هذه العيادة
unknown-hint = تحقق من الرابط الذي وصلك، أو اطلب من العيادة إرساله مرة أخرى.
clinic-closed = العيادة مغلقة الآن.
clinic-suspended = لا تستطيع العيادة استقبال المرضى هنا في الوقت الحالي.
clinic-full = منطقة الانتظار ممتلئة الآن. حاول مرة أخرى بعد بضع دقائق.
information-go-on = متابعة
look-again = تحقق مرة أخرى
entry-lead = أخبرنا من أنت من فضلك، ثم انتظر هنا حتى يحين دورك.
entry-again = مكانك ما زال محفوظًا. اكتب اسمك مرة أخرى من فضلك.
entry-name = اسمك
entry-speaks = أتحدث نيابة عن شخص آخر
entry-patient-name = اسم المريض
entry-own-name = اسمك أنت
entry-speaks-as = صلتك بالمريض
speaks-as-relative = قريب أو صديق
speaks-as-carer = مقدم رعاية
speaks-as-interpreter = مترجم
entry-prefilled = ملأ رابط عيادتك بعض هذه الخانات. تحقق من صحتها من فضلك.
entry-appointment = موعدك: { $time }
terms-title = الشروط
terms-accept = أوافق على هذه الشروط
entry-optional = (إن أردت)
entry-choose = اختر من فضلك
entry-enter = الدخول إلى منطقة الانتظار
entry-entering = جارٍ الدخول…
entry-privacy = لا يرى ما تكتبه هنا إلا العاملون في العيادة، ويُحذف بعد زيارتك بقليل.
entry-one-moment = تعذر الوصول إلى العيادة. حاول مرة أخرى بعد لحظات.
entry-crowded = يدخل كثيرون من شبكتك الآن. لا حاجة إلى فعل أي شيء؛ ستحاول هذه الصفحة مرة أخرى تلقائيًا.
entry-refused = لم ينجح ذلك. حاول مرة أخرى من فضلك.
entry-faults = { $count ->
    [one] راجع إجابة واحدة من فضلك.
    [two] راجع إجابتين من فضلك.
    [few] راجع { $count } إجابات من فضلك.
    [many] راجع { $count } إجابة من فضلك.
   *[other] راجع { $count } إجابة من فضلك.
}
fault-required = املأ هذا من فضلك.
fault-invalid = تحقق من هذه الإجابة من فضلك.
fault-too_long = اختصر هذه الإجابة من فضلك.

## Waiting

waiting-title = أنت في منطقة الانتظار
waiting-lead = تعرف العيادة أنك هنا.
held-title = استشارتك متوقفة مؤقتًا
held-lead = ابق من فضلك: ستستأنف بعد لحظات.
waiting-reconnecting = انقطع الاتصال للحظة. مكانك محفوظ.
waiting-stay = أبقِ هذه الصفحة مفتوحة. ستبدأ المكالمة من تلقاء نفسها. لا أحد يراك أو يسمعك أثناء الانتظار.
waiting-position = { $position ->
    [1] دورك هو التالي.
   *[other] رقمك في الانتظار هو { $position }.
}
waiting-delayed = تريد العيادة أن تراك، لكن جميع أماكن المكالمات مشغولة الآن. مكانك محفوظ، وستحاول مرة أخرى قريبًا.
waiting-blocked = تسمح لك هذه الشبكة بالانتظار هنا، لكنها تمنع ما تحتاجه المكالمة. يُرجى الانتقال الآن إلى شبكة أخرى، مثل بيانات الهاتف، أو الاتصال بالعيادة هاتفيًا. سيبقى مكانك محفوظًا.
waiting-without = يمكنك أيضًا الانتظار والتحدث بدون كاميرا.
waiting-transferred = أنت الآن في انتظار { $clinic }، ومكانك محفوظ.
waiting-leave = مغادرة منطقة الانتظار
waiting-leave-sure = إذا غادرت فستفقد مكانك.
waiting-keep = احتفظ بمكاني

## The test before the call

checks-title = اختبار هذا الجهاز
checks-again = أعد الاختبار
checks-not-tested = لا يسلك الصوت والصورة طريقهما إلا عند بدء المكالمة، ولا يجرّبه هذا الاختبار.
check-camera-unknown = الكاميرا: لم يُعرف بعد
check-camera-on = الكاميرا تعمل.
check-camera-off = الكاميرا ليست مشغلة. يمكنك التحدث بدونها.
check-microphone-unknown = الميكروفون: لم يُعرف بعد
check-microphone-on = الميكروفون يعمل.
check-microphone-silent = الميكروفون مشغل لكننا لا نسمع شيئًا. قل شيئًا، أو اختر ميكروفونًا آخر.
check-microphone-off = الميكروفون ليس مشغلًا، ولن تسمعك العيادة.
check-calls-unknown = المتصفح: لم يُعرف بعد
check-calls-ready = يستطيع هذا المتصفح إجراء مكالمة.
check-calls-no_udp = قد لا يسمح هذا المتصفح أو هذه الشبكة بالمكالمات. جرب شبكة أخرى أو جهازًا آخر، أو اتصل بالعيادة هاتفيًا.
check-calls-no_codec = لا يستطيع هذا المتصفح إرسال الصوت والصورة كما يلزم. جرب Safari أو Chrome أو Firefox أو Edge.
check-calls-unsupported = لا يستطيع هذا المتصفح إجراء مكالمات. جرب Safari أو Chrome أو Firefox أو Edge.
check-network-unknown = الاتصال: لم يُعرف بعد
check-network-good = اتصالك بالعيادة سريع.
check-network-fair = اتصالك بالعيادة بطيء قليلًا.
check-network-slow = اتصالك بالعيادة بطيء. اقترب من شبكة Wi-Fi أو استخدم شبكة أخرى.

## After the call

stepped-out-title = لقد غادرت المكالمة
stepped-out-hint = إذا كان ذلك خطأ، فيمكنك العودة الآن.
go-back = العودة إلى المكالمة
finish = لقد انتهيت
left-title = لقد غادرت
left-hint = لم تعد في الانتظار. يمكنك إغلاق هذه الصفحة.
wait-again = العودة
ended-title = انتهت استشارتك
ended-hint = شكرًا لحضورك. يمكنك إغلاق هذه الصفحة.
ended-go-on = المتابعة إلى { $host }
expired-title = لم يعد مكانك محفوظًا
expired-hint = انتهت زيارتك، أو غابت هذه الصفحة وقتًا طويلًا. يمكنك العودة، أو الاتصال بالعيادة هاتفيًا.
message-from = كتبت العيادة هذا في { $time }.
refused-title = لا تستطيع العيادة استقبالك هنا اليوم
refused-hint = تواصل مع العيادة لمعرفة الخطوة التالية.
replaced-title = زيارتك مفتوحة في مكان آخر
replaced-hint = فتحت هذه الصفحة في نافذة أخرى أو على جهاز آخر، وهي مستمرة هناك.
use-here = استخدم هذه الصفحة بدلًا من ذلك
trouble-title = تعذر بدء المكالمة
trouble-hint = لم يكن هذا خطأك. حاول مرة أخرى من فضلك.

## A guest with a link

guest-lead = لقد تمت دعوتك. أخبرنا من أنت ثم اطرق الباب: سيسمح لك أحدهم بالدخول.
guest-knock = اطرق الباب
guest-knock-again = اطرق الباب مرة أخرى
guest-privacy = لا يرى اسمك إلا المشاركون في المكالمة وموظفو العيادة، ويُحذف بعد مغادرتك.
guest-knocking-title = أنت تطرق الباب
guest-knocking-lead = إنهم يعلمون أنك هنا.
guest-knocking-stay = أبقِ هذه الصفحة مفتوحة. ستدخل تلقائيًا عندما يفتح لك أحدهم. لا أحد يراك أو يسمعك قبل ذلك.
guest-consultation = استشارة
guest-leave = لا أريد الانتظار
guest-unknown-title = هذا الرابط لا يفتح شيئًا
guest-unknown-hint = لقد استُخدم من قبل أو انتهت مدته أو سُحب. اطلب من العيادة رابطًا جديدًا.
guest-left-hint = يمكنك أن تطرق الباب مرة أخرى ما دام رابطك صالحًا.
guest-refused-title = لا يمكن السماح لك بالدخول الآن
guest-refused-hint = إذا كان هناك من ينتظرك فاطلب من العيادة رابطًا جديدًا.
guest-removed-title = تم إخراجك من المكالمة
guest-removed-hint = إذا كان ذلك خطأ فيمكنك أن تطرق الباب مرة أخرى.
guest-ended-title = انتهت المكالمة
guest-ended-hint = يمكنك إغلاق هذه الصفحة. إذا استمرت المكالمة فيمكنك العودة ما دام رابطك صالحًا.
guest-over-hint = يمكنك إغلاق هذه الصفحة.
guest-full-title = لا مكان لمزيد من المشاركين
guest-full-hint = وصلت المكالمة إلى أقصى عدد من المشاركين. حاول مرة أخرى عندما يغادر أحدهم.
guest-locked-title = هذه المكالمة مقفلة
guest-locked-hint = لا يمكن لأحد جديد الانضمام الآن. حاول بعد قليل، أو تواصل مع العيادة.
guest-blocked = تحجب هذه الشبكة ما تحتاج إليه المكالمة. انتقل إلى شبكة أخرى من فضلك، مثل بيانات الهاتف؛ وستستمر هذه الصفحة هناك تلقائيًا.

## The call

call-title = مكالمة مع
call-controls = أزرار المكالمة
screen-share = مشاركة الشاشة
screen-stop = إيقاف المشاركة
badge-screen = يعرض شاشة
call-devices = الأجهزة
call-people = المشاركون في المكالمة
call-alone = أنت هنا. سيظهر الآخرون فور انضمامهم.
call-connecting = جارٍ الاتصال…
call-blocked = تمنع هذه الشبكة ما تحتاجه المكالمة. يُرجى الانتقال إلى شبكة أخرى، مثل بيانات الهاتف؛ وستستمر المكالمة هناك تلقائيًا.
call-reconnecting = انقطع الاتصال للحظة ونحن نعيده. ابقَ معنا من فضلك.
call-held = أنت محجوب في المكالمة. لا أحد يراك أو يسمعك حتى تُستأنف.
call-not-permitted = لا يمكنك فعل ذلك في هذه المكالمة.
call-joined = انضم { $name }
call-left = غادر { $name }
call-leave = مغادرة
call-end = إنهاء للجميع
call-end-sure = إنهاء فعلًا؟
mute = كتم الصوت
unmute = إلغاء الكتم
turn-on-sound = تشغيل الصوت
picture-of = صورة { $name }
role-patient = مريض
role-clinician = طبيب
role-staff = موظف
role-guest = ضيف
badge-muted = صوته مكتوم
badge-held = محجوب في المكالمة
badge-no-camera = بدون كاميرا
call-muted-by = كتم { $name } صوت ميكروفونك.
call-locked = هذه المكالمة مقفلة: لا يمكن لأحد جديد الانضمام.
call-lock = قفل
call-unlock = فتح
call-too-fast = هذا سريع جدًا. انتظر لحظة من فضلك.
chat = محادثة
chat-unread = محادثة ({ $count })
chat-messages = الرسائل
chat-empty = لم يُكتب شيء بعد. لا يقرأ ما تكتبه إلا من في هذه المكالمة، ويُحذف عند انتهائها.
chat-write = اكتب للجميع
chat-send = إرسال
chat-close = إغلاق
chat-from = رسالة جديدة من { $name }
mute-them = كتم
mute-them-named = كتم صوت { $name }
pin-on = تثبيت
pin-on-named = عرض { $name } بحجم كبير
pin-off = إلغاء التثبيت
pin-off-named = عرض { $name } كالآخرين
remove = إخراج
remove-named = أخرج { $name }
remove-sure = هل تريد إخراجه حقًا؟
remove-sure-named = هل تريد إخراج { $name } حقًا؟
badge-speaking = يتحدث
badge-stalled = مشكلة في الاتصال
hold-on = حجب في المكالمة
hold-on-named = حجب { $name } في المكالمة: لا يُرى ولا يُسمع
hold-off = رفع الحجب
hold-off-named = رفع الحجب عن { $name }: يُرى ويُسمع من جديد
you = أنت

## Staff

home-title = Teleward
home-patients = للمرضى: استخدموا الرابط الذي أرسلته إليكم العيادة.
home-staff = هل تعمل في عيادة؟
sign-in = تسجيل الدخول
sign-in-title = تسجيل الدخول
sign-in-none = تسجيل الدخول غير مُعدّ هنا. اسأل المسؤول عن هذه الخدمة.
sign-in-development = هذه الحسابات للتجربة فقط. لا تستخدمها أبدًا مع مرضى حقيقيين.
sign-in-secret = كلمة السر
sign-in-refused = لم ينجح ذلك. تحقق من كلمة السر وحاول مرة أخرى.
sign-in-with = تسجيل الدخول عبر { $issuer }
sign-in-fault-denied = لم يتم تسجيل دخولك: إما أنك رفضت، أو أن مؤسستك لا تسمح لهذا الحساب. حاول مرة أخرى أو اختر حسابًا آخر.
sign-in-fault-expired = استغرق تسجيل الدخول وقتًا طويلًا أو بدأ في نافذة أخرى. ابدأ من جديد من فضلك.
sign-in-fault-unreachable = خدمة تسجيل الدخول في مؤسستك لا تستجيب. انتظر لحظة ثم حاول مرة أخرى، وإن استمر ذلك فاتصل بالدعم التقني.
sign-in-fault-refused = تعذّر الوثوق برد خدمة تسجيل الدخول، فلم يُسجَّل دخول أحد. ابدأ من جديد، وإن تكرر ذلك فأخبر الدعم التقني.
sign-in-fault-misconfigured = خدمة تسجيل الدخول وهذه الخدمة لا تعرف إحداهما الأخرى. اطلب من الدعم التقني التحقق من إعداد العميل وكلمة سره.
sign-in-fault-no_user = لم تذكر خدمة تسجيل الدخول من أنت. اطلب من الدعم التقني إرسال معرّف المستخدم إلى هذه الخدمة.
sign-in-fault-email_unverified = بريدك الإلكتروني غير مؤكَّد لدى خدمة تسجيل الدخول في مؤسستك. أكِّده هناك ثم سجّل الدخول مرة أخرى.
sign-in-fault-too_many_groups = أنت في مجموعات كثيرة جدًا فتتركها خدمة تسجيل الدخول. اطلب من الدعم التقني إرسال مجموعات هذا التطبيق فقط، أو من المدير إضافتك باسمك.
sign-in-fault-not_a_member = لا تنتمي إلى أي عيادة هنا بعد. اطلب من مدير عيادتك إضافتك، أو سجّل الدخول بحساب آخر.
sign-in-fault-one_moment = لحظة من فضلك. حاول مرة أخرى بعد قليل.
sign-out = تسجيل الخروج
clinics-title = عياداتك
clinics-none = لا تنتمي إلى أي عيادة بعد. اطلب من مدير العيادة إضافتك.
reports-of = تقارير { $organisation }
reports-title = التقارير
reports-from = من
reports-to = إلى
reports-day = اليوم
reports-clinic = العيادة
reports-every-clinic = كل العيادات
reports-by = صف واحد لكل
reports-by-day = يوم
reports-by-month = شهر
reports-by-range = عيادة
reports-empty = لم يُسجَّل شيء في هذه الأيام.
reports-range = اختر 400 يوم على الأكثر، على أن يسبق اليوم الأول اليوم الأخير.
reports-entered = دخلوا
reports-transferred_here = حُوِّلوا إلى هنا
reports-consulted = تمت معاينتهم
reports-unseen = أُنهيت دون معاينة
reports-refused = رُفضوا
reports-left = غادروا
reports-vanished = أُغلقت الصفحة
reports-transferred = حُوِّلوا إلى عيادة أخرى
reports-waited = الانتظار حتى النداء
reports-consultation = مدة الاستشارة
reports-spread = النصف حتى { $half } دقيقة، وتسعة من عشرة حتى { $most } دقيقة
reports-withheld = العدد قليل جدًا
reports-least = لا تُعرض أوقات أقل من { $least } مرضى، حتى لا يُعرف أحد.
reports-download = تنزيل { $format }
suspended-badge = موقوفة
suspended-staff = هذه العيادة موقوفة: لا يستطيع أي مريض الدخول.
not-found-title = لا يوجد شيء هنا
not-found-hint = الصفحة غير موجودة، أو لا يحق لك فتحها.
to-clinics = عياداتك
to-dashboard = العودة إلى العيادة
team-OrganisationAdmin = مدير المؤسسة
team-OrganisationReporter = معدّ تقارير المؤسسة
team-ClinicAdmin = مدير العيادة
team-Clinician = طبيب
team-Receptionist = الاستقبال
team-Referrer = محيل
team-Interpreter = مترجم
queue-title = { $count ->
    [0] لا أحد ينتظر
    [one] شخص واحد ينتظر
    [two] شخصان ينتظران
    [few] { $count } أشخاص ينتظرون
    [many] { $count } شخصًا ينتظرون
   *[other] { $count } شخص ينتظرون
}
queue-empty = يظهر المرضى الجدد هنا من تلقاء أنفسهم.
queue-connecting = جارٍ الاتصال بقائمة الانتظار…
queue-blocked = تمنع هذه الشبكة اتصالات WebSocket. تعمل قائمة الانتظار، لكن المكالمات لن تعمل. يُرجى استخدام شبكة أخرى، أو اطلب من الدعم التقني السماح باتصالات WebSocket.
queue-arrived = { $name } في الانتظار
queue-vanished = لم يعد { $name } متصلًا، ولم يعد في قائمة الانتظار.
queue-search = بحث
queue-filter = عرض
queue-filter-all = الجميع
queue-filter-waiting = من ينتظرون
queue-filter-seen = من تجري استشارتهم
queue-filter-away = غير المتصلين
queue-sort = الترتيب
queue-sort-queue = ترتيب العيادة
queue-sort-longest = الأطول انتظارًا أولًا
queue-sort-name = حسب الاسم
queue-sort-appointment = حسب الموعد
queue-part = يظهر { $shown } من { $all }.
queue-whole = عرض الجميع
queue-arrived-at = منذ { $time }
queue-appointment = الموعد { $time }
queue-speaker = يتحدث { $name } ({ $role })
queue-device = الجهاز
device-phone = هاتف
device-tablet = جهاز لوحي
device-computer = حاسوب
device-unknown = جهاز غير معروف
device-browser = { $browser }
device-camera-off = الكاميرا مطفأة
device-camera-blocked = الكاميرا محجوبة
device-camera-in_use = الكاميرا قيد الاستخدام
device-camera-absent = بلا كاميرا
device-camera-unsupported = متصفح بلا كاميرا
device-microphone-off = الميكروفون مطفأ
device-microphone-silent = الميكروفون صامت
device-microphone-blocked = الميكروفون محجوب
device-microphone-in_use = الميكروفون قيد الاستخدام
device-microphone-absent = بلا ميكروفون
device-microphone-unsupported = متصفح بلا ميكروفون
device-calls-no_udp = لا طريق للمكالمات (UDP)
device-calls-no_codec = المتصفح لا يرسل الصوت أو الصورة
device-calls-unsupported = المتصفح لا يجري مكالمات
device-network-good = شبكة جيدة
device-network-fair = شبكة متوسطة
device-network-slow = شبكة بطيئة
wait-long = ينتظر طويلًا
wait-very-long = ينتظر طويلًا جدًا
state-new = جديد
state-confirmed = تم التأكد
alert-arrived = { $count ->
    [one] مريض جديد واحد ينتظر
    [two] مريضان جديدان ينتظران
    [few] { $count } مرضى جدد ينتظرون
    [many] { $count } مريضًا جديدًا ينتظرون
   *[other] { $count } مريض جديد ينتظرون
}
alert-look = عرض
alert-seen = رأيت ذلك
alert-allow = تشغيل الصوت وإشعارات سطح المكتب
confirm-title = هل هذا من تريد استدعاءه؟
confirm-hint = قارن الاسم والإجابات بقائمتك قبل الاستدعاء.
confirm-yes = نعم، استدعاء
queue-name = الاسم
queue-waiting = مدة الانتظار
queue-state = الحالة
queue-details = التفاصيل
queue-language = اللغة
queue-actions = الإجراءات
state-waiting = ينتظر
state-called = نودي عليه
state-in_consultation = في الاستشارة
state-on_hold = متوقف مؤقتًا
state-away = غير متصل
path-good = اتصال جيد
path-fair = اتصال مقبول
path-poor = اتصال ضعيف
action-call-in = استدعاء
action-call-in-named = استدعاء { $name }
action-join = انضمام
action-join-named = الانضمام إلى { $name }
action-refuse = رفض
action-refuse-named = رفض { $name }
action-return = إعادة إلى الانتظار
action-return-named = إعادة { $name } إلى الانتظار
action-hold = إيقاف الزيارة مؤقتًا
action-hold-named = إيقاف زيارة { $name } مؤقتًا، وينتظر على انفراد
action-resume = استئناف الزيارة
action-resume-named = استئناف زيارة { $name }
action-hand-over = تسليم
action-hand-over-named = تسليم { $name } إلى زميل
choose-colleague = الزميل
action-transfer = تحويل
action-transfer-named = تحويل { $name } إلى عيادة أخرى
choose-clinic = العيادة
queue-came-from = من { $clinic }
action-to-my-room = إلى غرفتي
action-to-my-room-named = استدعِ { $name } إلى غرفتي
action-add = إضافة
add-patient = أضف مريضًا ينتظر
guest-arrived = { $name } يطرق الباب
guests-title = ضيوف في الاستشارات
guests-knocking = ضيوف يطرقون الباب
guest-knocks = يطرق الباب
guest-away = كان يطرق الباب وهو غير متصل
guest-admit = اسمح بالدخول
guest-admit-named = اسمح لـ { $name } بالدخول
guest-refuse = اصرفه
guest-refuse-named = اصرف { $name }
guest-revoke = اسحب الرابط
guest-revoke-named = اسحب رابط { $name }
guest-invite = ادعُ ضيفًا
guest-links = روابط الضيوف ({ $count })
guest-state-invited = لم يُستخدم بعد
guest-state-admitted = سُمح له بالدخول
guest-state-refused = صُرف
guest-state-removed = أُخرج
guest-state-left = غادر
guest-made-by = من { $name }، صالح حتى { $until }
guest-label = ما تعرف به هذا الرابط (لا حاجة إلى اسم)
guest-good-for = صالح لمدة
guest-hours = { $hours ->
    [zero] { $hours } ساعة
    [one] ساعة واحدة
    [two] ساعتان
    [few] { $hours } ساعات
    [many] { $hours } ساعة
   *[other] { $hours } ساعة
}
guest-make-link = أنشئ الرابط
guest-link-once = يظهر الرابط الآن فقط. يعمل مرة واحدة لشخص واحد.
refusal-not-running = هذه الاستشارة غير جارية الآن.
refusal-locked = الغرفة مقفلة: لا يدخل أحد جديد.
refusal-too-many-links = روابط الضيوف كثيرة جدًا. اسحب ما لا يحتاجه أحد.
refusal-not-open = لا تستقبل تلك العيادة أحدًا الآن.
action-message = رسالة
action-message-named = الكتابة إلى { $name }
message-all = رسالة إلى جميع المنتظرين
told-all = { $count ->
    [zero] لم تُرسل الرسالة إلى أحد.
    [one] أُرسلت إلى مريض واحد.
    [two] أُرسلت إلى مريضين.
    [few] أُرسلت إلى { $count } مرضى.
    [many] أُرسلت إلى { $count } مريضًا.
   *[other] أُرسلت إلى { $count } مريض.
}
write-ready = اختر نصًا
write-own = كلماتك
write-text = الرسالة
write-reason = ما سيقرؤه المريض (إن شئت)
write-message = إرسال
write-refuse = رفض الآن
queue-priority = الأولوية
queue-priority-of = أولوية { $name }
action-end = إنهاء
action-end-named = إنهاء زيارة { $name }
refusal-confirm-first = تريد هذه العيادة أن تؤكد من تستدعي. راجع اسم { $name } وإجاباته.
refusal-full = لا مكان لمكالمة أخرى الآن. يحتفظ { $name } بمكانه وقد أُبلغ بذلك، حاول مرة أخرى قريبًا.
refusal-taken = سبقك { $by } إلى { $name }.
refusal-too-fast = أرسلت العيادة رسائل كثيرة الآن. انتظر دقيقة من فضلك.
refusal-choose-again = تغيّر ما يمكن اختياره. اختر من جديد.
refusal-gone = لم يعد { $name } في الانتظار.
refusal-one-moment = لم تستجب الخدمة. حاول مرة أخرى بعد لحظات.
somebody = أحد الزملاء
patient-link = رابط المرضى
share-title = رمز QR، وزر لموقعكم
qr-label = رمز QR لرابط المرضى
button-label = استشارة بالفيديو: { $clinic }
button-code = نص HTML للزر
prefill-hint = ما يأتي بعد # يملأ الاستمارة، ولا يُرسل إلى أي خادم قبل أن يدخل المريض:
copy = نسخ
copied = تم النسخ
rooms-title = الغرف
room-meeting = غرفة اجتماعات
room-user = غرفتك
room-occupancy = { $count } من { $max }
room-locked = مقفلة
room-names = الموجودون في الغرفة
room-enter = دخول
after-ended-title = انتهت المكالمة
after-ended-hint = غادر الجميع.
after-removed-title = تم إخراجك من المكالمة
after-removed-hint = اسأل أحد الزملاء إذا كان ذلك خطأ.
after-replaced-title = انضممت من مكان آخر
after-replaced-hint = المكالمة مستمرة في نافذتك الأخرى أو على جهازك الآخر.
after-full-title = هذه الغرفة ممتلئة
after-full-hint = وصلت المكالمة إلى أقصى عدد من المشاركين. حاول مرة أخرى عندما يغادر أحدهم.
after-locked-title = هذه المكالمة مقفلة
after-locked-hint = لا يمكن لأحد جديد الانضمام الآن. اطلب من أحد المشاركين فتحها.
after-not_found-title = لا توجد مكالمة كهذه
after-not_found-hint = لقد انتهت، أو لا يحق لك الانضمام إليها.
after-failed-title = تعذر بدء المكالمة
after-failed-hint = حاول مرة أخرى. إذا تكرر ذلك فاستخدم متصفحًا آخر.
